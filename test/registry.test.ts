/** From definitions and rows to entries: what is faulty and where, what parameters become, what rows change. No database. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { parse } from "yaml";
import type { Delivery, Operation } from "../engine/contracts.js";
import { ApiError, describeFault } from "../engine/errors.js";
import { type CompileContext, type Compiled, compileDefinition } from "../engine/registry/compile.js";
import type { ParamDefinition } from "../engine/registry/definition.js";
import type { Entry, RunScope, StepResult } from "../engine/registry/entry.js";
import { Faults } from "../engine/registry/faults.js";
import { type ApiRow, ROW_COLUMNS } from "../engine/registry/from-rows.js";
import { parseDefinition } from "../engine/registry/from-yaml.js";
import { compileRow, faultyEntry } from "../engine/registry/overlay.js";
import { compileParams } from "../engine/registry/params.js";
import { SCHEMA_FILE, schemaText } from "../engine/registry/schema-file.js";
import { makeTextEnvironment } from "../engine/registry/texts.js";
import type { Cell, Row } from "../engine/request.js";

const apiRow = (row: Row) => Object.fromEntries(ROW_COLUMNS.map((column) => [column, row[column] ?? null])) as ApiRow;

const root = new URL("../../", import.meta.url);
const cases = <T>(name: string): T =>
  parse(readFileSync(new URL(`test/cases/registry/${name}.yaml`, root), "utf8")) as T;

const operation = (input: Record<string, string>, transactional: boolean): Operation => ({
  summary: "Of the tests.",
  input,
  transactional,
  run: async () => ({}),
});
const delivery: Delivery = { summary: "Of the tests.", seconds: 1, tries: 1, deliver: async () => undefined };
const seal = (clear: string) => `sealed:${clear}`;
const context: CompileContext = {
  dialect: "sqlite",
  callerFields: new Set(["id", "username", "name", "email", "credit", "currency", "postpaid"]),
  actions: new Map([
    ["ledger.transfer", operation({ to: "An id.", amount: "How much.", "reference?": "A word." }, true)],
    ["mail.send", operation({}, false)],
  ]),
  deliveries: new Map(["email.deliver", "host.run"].map((name) => [name, delivery])),
  texts: makeTextEnvironment(new Map([["USD", "$"]])),
  seal,
};

const compileText = (text: string, name = "x"): Compiled => {
  const file = { source: `definitions/test/${name}.yaml`, subject: "test", name, text };
  const { definition, faults } = parseDefinition(file);
  if (definition === undefined) return { entry: undefined, templates: [], faults };
  const identity = { name, subject: "test", audience: "user", origin: "built-in", source: file.source } as const;
  return compileDefinition(definition, identity, context, faults);
};

const HEAD = "summary: A test.\naccess: user\nneverFails: true\nexamples: [{ request: {}, answer: 'OK: fine' }]\n";
function entryOf(text: string, name = "x"): Entry {
  const { entry, faults } = compileText(HEAD + text, name);
  assert.deepEqual(faults.list, []);
  assert.ok(entry);
  return entry;
}

const step = (row: Row, more: Partial<StepResult> = {}): StepResult => ({
  ...row,
  rows: [row],
  columns: Object.keys(row),
  truncated: false,
  changed: 0,
  insertId: 0,
  ...more,
});
const runOf = (scope: Partial<RunScope> = {}): RunScope => ({
  params: {},
  loose: new Map(),
  caller: { id: 7, username: "ann", fields: { id: 7, username: "ann", credit: "9.8", currency: "USD", postpaid: 0 } },
  steps: {},
  ...scope,
});

interface Expected {
  faults?: string[];
  contains?: string[];
}
function assertFaults(told: string[], { faults, contains }: Expected): void {
  if (faults !== undefined) assert.deepEqual(told, faults);
  for (const part of contains ?? [])
    assert.ok(
      told.some((line) => line.includes(part)),
      `${part} is not in ${told.join(" | ")}`,
    );
}

describe("a faulty definition is told with its place and what to do", () => {
  const { head, cases: list } = cases<{
    head: string;
    cases: ({ title: string; whole?: boolean; definition: string } & Expected)[];
  }>("faults");
  for (const { title, whole, definition, ...expected } of list)
    test(title, () => {
      const { entry, faults } = compileText(whole ? definition : head + definition);
      assert.equal(entry, undefined);
      const told = faults.list
        .map(describeFault)
        .map((line) => line.replace("definitions/test/x.yaml:", "").replace(": x: ", ": "));
      assertFaults(told, expected);
    });
});

describe("parameters", () => {
  interface ParamCase {
    title: string;
    params: Record<string, ParamDefinition>;
    needs?: string[][];
    requests: {
      send?: Record<string, string | null>;
      positional?: string[];
      get?: Record<string, Cell>;
      refused?: string;
    }[];
  }
  for (const { title, params, needs = [], requests } of cases<ParamCase[]>("params"))
    test(title, () => {
      const faults = new Faults({ entry: "x", source: "x.yaml", locate: () => ({ line: 1, column: 1 }) });
      const { validate } = compileParams(params, { needs, idempotent: false, seal }, faults);
      assert.deepEqual(faults.list, []);
      for (const { send = {}, positional = [], get, refused } of requests) {
        const read = () => validate(new Map(Object.entries(send)), positional);
        if (refused === undefined) assert.deepEqual({ ...read() }, get);
        else assert.throws(read, new ApiError("wrong parameter", refused));
      }
    });
  test("a refusal never repeats what was sent", () => {
    const { validate } = entryOf("params: { credit: { type: amount } }\nanswer: fine");
    assert.throws(
      () => validate(new Map([["credit", "<script>"]]), []),
      ({ message }: Error) => !message.includes("script"),
    );
  });
  test("an idempotent entry takes idempotencykey by name only", () => {
    const { validate, params } = entryOf("params: { one: {} }\ntransaction: true\nidempotent: true\nanswer: fine");
    assert.deepEqual(
      params.map(({ name }) => name),
      ["one", "idempotencykey"],
    );
    assert.deepEqual(
      { ...validate(new Map([["idempotencykey", "k1"]]), ["a", "b"]) },
      { one: "a", idempotencykey: "k1" },
    );
  });
});

describe("answers", () => {
  const answer = (text: string, scope?: Partial<RunScope>) => entryOf(text).answer(runOf(scope));
  test("a text holds parameters, steps, the caller, settings, the time and the version", () => {
    const text = `params: { credit: { type: amount } }
steps: [{ sql: select username from tb_users, as: target }]
answer: "{{credit}} to {{target.username}} by {{caller.username}} in {{setting.currency}}, {{now}}, {{version}}"`;
    const setting = { ...step({}), currency: "EUR" };
    const said = answer(text, { params: { credit: "2.5" }, steps: { target: step({ username: "bob" }), setting } });
    assert.match(said, /^2\.5 to bob by ann in EUR, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, \d+\.\d+\.\d+$/);
  });
  test("nothing of a text is escaped, and what has no value is empty", () =>
    assert.equal(
      answer('params: { a: {}, b: {} }\nanswer: "[{{a}}] [{{b}}]"', { params: { a: "<&'\">{{b}}" } }),
      "[<&'\">{{b}}] []",
    ));
  test("what an object inherits is no field of it", () =>
    assert.equal(answer('params: { a: {} }\nanswer: "[{{a.constructor.name}}]"', { params: { a: "x" } }), "[]"));
  test("money has its sign in front, or its code where it has none", () => {
    const text = 'params: { a: {}, c: {} }\nanswer: "{{money a c}}"';
    const said = (a: string, c: string) => answer(text, { params: { a, c } });
    assert.deepEqual(
      [said("9.8", "USD"), said("-5", "USD"), said("100", "HUF"), said("1", "")],
      ["$9.8", "-$5", "HUF 100", "1"],
    );
  });
  test("a text may go through rows", () =>
    assert.equal(
      answer(
        'steps: [{ sql: select 1 as name, as: found }]\nanswer: "{{#each found.rows}}{{name}}{{#unless @last}}, {{/unless}}{{/each}}"',
        {
          steps: { found: step({ name: "a" }, { rows: [{ name: "a" }, { name: "b" }] }) },
        },
      ),
      "a, b",
    ));
  test("the rows of a step are counted, and shown without its other fields", () => {
    const entry = entryOf("steps: [{ sql: select 1 as one, as: found }]\nrows: found\nanswer: nothing");
    const run = runOf({ steps: { found: step({ one: 1 }) } });
    assert.equal(entry.answer(run), "1 rows");
    assert.deepEqual(entry.rows?.(run), { rows: [{ one: 1 }], columns: ["one"], truncated: false });
    assert.equal(entry.answer(runOf()), "nothing");
  });
  test("of several steps the first that ran shows its rows", () => {
    const entry = entryOf(
      "params: { m: {} }\nsteps: [{ sql: select 1 as a, as: one, when: m }, { sql: select 2 as b, as: two, unless: m }]\nrows: [one, two]",
    );
    assert.deepEqual(entry.rows?.(runOf({ steps: { two: step({ b: 2 }) } }))?.columns, ["b"]);
  });
  test("fields of the caller are one row beside the text", () => {
    const entry = entryOf('rows: { caller: [credit, currency] }\nanswer: "{{caller.credit}}"\nbare: true');
    assert.equal(entry.answer(runOf()), "9.8");
    assert.deepEqual(entry.rows?.(runOf())?.rows, [{ credit: "9.8", currency: "USD" }]);
  });
});

describe("steps", () => {
  test("inputs of an action are values themselves or texts around them", () => {
    const text = `params: { credit: { type: amount } }
steps:
  - { sql: select 1 as id, as: target }
  - { call: ledger.transfer, with: { to: "{target.id}", amount: "{credit}", reference: "by [USERNAME] to {target.id}{target.none}" } }
answer: fine`;
    const call = entryOf(text).steps[1];
    assert.ok(call?.kind === "call");
    const run = runOf({ params: { credit: "2.5" }, steps: { target: step({ id: 12 }) } });
    assert.deepEqual(Object.fromEntries(Object.entries(call.input).map(([name, value]) => [name, value(run)])), {
      to: 12,
      amount: "2.5",
      reference: "by ann to 12",
    });
  });
  test("a step runs by what was given", () => {
    const entry = entryOf(`params: { a: {}, m: { values: [x, y, z] }, f: { type: flag } }
steps:
  - { sql: select 1 as id, when: a }
  - { sql: select 1 as id, unless: a }
  - { sql: select 1 as id, when: { m: [x, y] }, unless: { f: true } }
answer: fine`);
    const ran = (params: RunScope["params"]) => entry.steps.map(({ when }) => when?.(runOf({ params })) ?? true);
    assert.deepEqual(ran({ a: "1", m: "y" }), [true, false, true]);
    assert.deepEqual(ran({ a: null, m: "z" }), [false, true, false]);
    assert.deepEqual(ran({ m: "x", f: 1 }), [false, true, false]);
  });
  test("what a step answers instead of its failure has a class and a text", () => {
    const { otherwise } =
      entryOf(
        'params: { u: {} }\nsteps: [{ sql: select 1 as id, expect: one row, otherwise: "not found: no user {{u}}" }]\nanswer: fine',
      ).steps[0] ?? {};
    assert.equal(otherwise?.errorClass, "not found");
    assert.equal(otherwise?.detail(runOf({ params: { u: "bob" } })), "no user bob");
  });
  test("an entry tells which fields of the caller it looks at, unless an action may look at any", () => {
    assert.deepEqual(
      entryOf('steps: [{ sql: "select {email} as e, [USERID] as i" }]\nanswer: "{{caller.name}}"').callerFields,
      ["email", "id", "name"],
    );
    assert.equal(entryOf("steps: [{ call: mail.send }]\nanswer: fine").callerFields, undefined);
  });
  test("an entry is frozen to its last part", () => {
    const entry = entryOf(
      "params: { a: { aliases: [b] } }\nsteps: [{ sql: select 1 as id, expect: rows }]\nanswer: fine",
    );
    for (const part of [
      entry,
      entry.access,
      entry.params,
      entry.params[0]?.aliases,
      entry.steps,
      entry.steps[0],
      entry.examples[0]?.request,
    ])
      assert.ok(Object.isFrozen(part));
  });
});

describe("rows of tb_api", () => {
  const access =
    "summary: A test.\naccess: { preset: user, credit: 1, login: 2, limit: pin }\nneverFails: true\nexamples: [{ request: {}, answer: 'OK: fine' }]\n";
  const builtIns = new Map(
    ["balance", "apireload"].map((name) => [name, compileText(`${access}answer: built-in`, name).entry]),
  );
  interface RowCase extends Expected {
    title: string;
    row: Row;
    access?: object;
    answer?: string;
    closed?: string;
    hooks?: object[];
  }
  for (const { title, row, faults, contains, ...expected } of cases<RowCase[]>("rows"))
    test(title, () => {
      const made = compileRow(apiRow(row), builtIns.get(String(row["fname"]).toLowerCase()), context);
      assertFaults(
        made.faults.list.map(({ entry, message }) => `${entry}: ${message}`),
        { ...(faults && { faults }), ...(contains && { contains }) },
      );
      assert.equal(made.entry === undefined, (faults ?? contains) !== undefined, JSON.stringify(made.faults.list));
      if (expected.access !== undefined) assert.deepEqual(made.entry?.access, expected.access);
      if (expected.closed !== undefined) assert.equal(made.entry?.closed, expected.closed);
      if (expected.hooks !== undefined) assert.deepEqual(made.entry?.hooks, expected.hooks);
      const result = step({ one: 1 }, { rows: [{ one: 1 }, { one: 2 }] });
      if (expected.answer !== undefined)
        assert.equal(made.entry?.answer(runOf({ steps: { result } })), expected.answer);
    });
  const rowEntry = (row: Row): Entry => {
    const { entry, faults } = compileRow(apiRow({ fname: "mine", ...row }), undefined, context);
    assert.ok(entry, JSON.stringify(faults.list));
    return entry;
  };
  test("a change without * is deferred and answers that it is accepted; with * it tells how many rows", () => {
    const [later, now] = ["", "*"].map((star) =>
      rowEntry({ customsql: `${star}update tb_users set name = '[SPARAM1]' where id = [USERID]` }),
    );
    const result = step({}, { columns: [], rows: [], changed: 3 });
    assert.deepEqual(
      [later, now].map((entry) => entry?.steps.map((it) => it.kind === "sql" && [it.foreign, it.deferred])),
      [[[true, true]], [[true, false]]],
    );
    assert.equal(later?.answer(runOf({ deferred: true, steps: { result } })), "accepted");
    assert.equal(now?.answer(runOf({ steps: { result } })), "3 rows changed");
    assert.equal(now?.rows?.(runOf({ steps: { result } })), undefined);
  });
  test("values without a name are sparam1, sparam2, ...; names win over them", () => {
    const { validate } = rowEntry({ customsql: "select '[SPARAM1]' as a, '[SPARAM2]' as b" });
    assert.deepEqual({ ...validate(new Map([["sparam2", "named"]]), ["one", "two"]) }, { sparam1: "one" });
  });
  test("a faulty row leaves its entry closed, and apireload to server administrators at trusted addresses", () => {
    assert.equal(faultyEntry("balance", builtIns.get("balance")).closed, "faulty");
    const repair = faultyEntry("apireload", builtIns.get("apireload"));
    assert.deepEqual(
      [repair.closed, repair.access.user, repair.access.ip, repair.access.key],
      [undefined, 4, true, true],
    );
  });
});

test("the JSON Schema in definitions/ is the one of the code", async () =>
  assert.equal(await readFile(new URL(`definitions/${SCHEMA_FILE}`, root), "utf8"), schemaText()));
