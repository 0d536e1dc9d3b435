/** What templates compile to: the tables of test/cases/template, one test a row, and what holds for any text. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import type { BoundValue, Dialect } from "../engine/database/database.js";
import { ApiError, FaultError } from "../engine/errors.js";
import { compileTemplate, translateStatement } from "../engine/template/compile.js";
import { tokenise } from "../engine/template/tokens.js";
import { lookupOf, SCOPES } from "./template-scope.js";

interface Case {
  title: string;
  template: string;
  scope?: keyof typeof SCOPES;
  /** Values of the request; those of the caller are always the same. */
  given?: Record<string, BoundValue>;
  /** The text that is sent: to both databases, or to each. */
  both?: string;
  sqlite?: string;
  mariadb?: string;
  values?: BoundValue[];
  texts?: string[];
  verb?: string;
  waits?: boolean;
  /** Part of the error at load, and its line and column. */
  error?: string;
  at?: string;
  /** The error at the request. */
  wrong?: string;
}

const DIALECTS: readonly Dialect[] = ["sqlite", "mariadb"];
const FOLDER = "test/cases/template";
const whole = (value: BoundValue): BoundValue => (typeof value === "number" ? BigInt(value) : value);

for (const file of readdirSync(FOLDER))
  describe(`templates: ${file}`, () => {
    for (const row of parse(readFileSync(`${FOLDER}/${file}`, "utf8")) as Case[])
      test(row.title, () => {
        for (const dialect of DIALECTS) check(row, dialect);
      });
  });

function check(row: Case, dialect: Dialect): void {
  const compile = () => compileTemplate(row.template, SCOPES[row.scope ?? "open"], dialect);
  if (row.error !== undefined) {
    assert.throws(compile, (cause) => {
      assert.ok(cause instanceof FaultError, String(cause));
      assert.ok(cause.message.includes(row.error ?? ""), cause.message);
      assert.equal(`${cause.line}:${cause.column}`, row.at);
      return true;
    });
    return;
  }
  const compiled = compile();
  const lookup = lookupOf(row.given ?? {});
  if (row.wrong !== undefined) {
    assert.throws(() => compiled.bind(lookup), new ApiError("wrong parameter", row.wrong));
    return;
  }
  const { text, values } = compiled.bind(lookup);
  assert.equal(text, row.both ?? row[dialect]);
  assert.deepEqual(values, (row.values ?? []).map(whole));
  assert.deepEqual(compiled.texts, row.texts ?? [text]);
  if (row.verb !== undefined) assert.equal(compiled.verb, row.verb);
  assert.equal(compiled.waits, row.waits ?? false);
}

describe("templates: places", () => {
  const template = "select a,\n  isnull([b], 1)\nfrom t where c = 'x[SPARAM1]' and d = 2";
  for (const dialect of DIALECTS)
    test(`a place of what ${dialect} is sent is found in the template`, () => {
      const compiled = compileTemplate(template, SCOPES.open, dialect);
      const [text = ""] = compiled.texts;
      const places = { "a,": [1, 8], coalesce: [2, 3], '"b"': [2, 10], from: [3, 1], "?": [3, 18], "d =": [3, 35] };
      for (const [part, [line, column]] of Object.entries(places))
        assert.deepEqual(compiled.position(text, text.indexOf(part)), { line, column }, part);
      assert.equal(compiled.position(text, text.length + 9).line, 3);
    });
});

test("templates: a list has a place for each of its texts, the others are NULL", () => {
  for (const dialect of DIALECTS) {
    const compiled = compileTemplate("select a from t where b in {names} and c = 'x{names}'", SCOPES.closed, dialect);
    const { text, values } = compiled.bind(lookupOf({ names: "ann,bob" }));
    assert.equal(text, "select a from t where b in (?, ?, ?) and c = ?");
    assert.deepEqual(values, ["ann", "bob", null, "xann,bob"]);
    assert.deepEqual(compiled.bind(lookupOf({})).values, [null, null, null, "x"]);
  }
});

describe("statements without keywords", () => {
  test("are translated as templates are", () => {
    const sql = "select top 1 [userid] from t with(nolock) where a like '%[SPARAM1]' -- {b}";
    assert.throws(() => translateStatement(sql, "sqlite"), /a set such as/);
    assert.deepEqual(
      translateStatement("select top 1 [userid], '{email} <b> [USERID]' from t with(nolock);", "sqlite"),
      {
        text: `select "userid", '{email} <b> [USERID]' from t limit 1`,
        verb: "select",
      },
    );
    assert.equal(translateStatement("update t set a = getdate()", "mariadb").text, "update t set a = utc_timestamp()");
    assert.equal(translateStatement("create table a (b int)", "mariadb").verb, "change");
  });
  test("are refused with the place", () => {
    const wrong = (text: string, detail: RegExp) =>
      assert.throws(
        () => translateStatement(text, "sqlite"),
        (cause) => cause instanceof ApiError && cause.errorClass === "wrong parameter" && detail.test(cause.detail),
      );
    wrong("select 1;\nselect 2", /^line 1, column 9 of the statement: only one statement is run/);
    wrong("select {email}", /^line 1, column 8 of the statement: \{email\} has no value here/);
    wrong("select (1 + {email})", /^line 1, column 13 .*has no value here/);
    wrong("begin", /opened and closed by the server/);
    wrong("", /there is no statement/);
  });
});

// Statements put together from pieces that each are legal, with blanks and comments between them.
const gap = fc.constantFrom(" ", "\n", " /* [SPARAM1] ' */ ", " -- {email} '\n", "\t");
const literal = fc
  .array(
    fc.constantFrom("a", "''", "%", "_", "!", "\\", '"', "?", "--", "[SPARAM1]", "{email}", "<txt>", "[x]", "{ }", "é"),
  )
  .map((pieces) => `'${pieces.join("")}'`);
const operand = fc.oneof(
  literal,
  fc.constantFrom("[SPARAM1]", "{txt}", "{credit}", "<email>", "[USERID]", "1.5", "[a b]", '"c"', "`d`", "t.e", "null"),
  literal.map((text) => `isnull(${text}, {txt})`),
  fc.constantFrom(
    "getdate() - 0.5",
    "getdate() + {credit}",
    "cast({txt} as varchar(5))",
    "(select top 1 a from t where b = {txt})",
  ),
);
const condition = fc
  .tuple(operand, gap, fc.constantFrom("=", "<>", "<", ">=", "like"), gap, operand)
  .map((pieces) => pieces.join(""))
  .filter((text) => !/like\s[\s\S]*\[x\]/.test(text) && !/like[\s\S]*(?:getdate|top 1)/.test(text));
const statement = fc
  .tuple(
    fc.constantFrom("select", "select top 3", "*select distinct"),
    fc.array(operand, { minLength: 1, maxLength: 3 }),
    gap,
    fc.array(condition, { minLength: 1, maxLength: 3 }),
  )
  .map(([verb, columns, space, conditions]) =>
    [verb, columns.join(", "), "from t", "where", conditions.join(" and ")].join(space),
  );
const values = fc.record({
  sparam1: fc.option(fc.string({ unit: "binary" })),
  txt: fc.option(fc.string(), { nil: undefined }),
  credit: fc.nat(1_000_000).map(String),
});
const dialect = fc.constantFrom(...DIALECTS);

describe("templates: whatever the text", () => {
  test("the tokens of a text, one after the other, are the text", () => {
    fc.assert(
      fc.property(statement, (text) => {
        assert.equal(
          tokenise(text)
            .map((token) => token.text)
            .join(""),
          text,
        );
      }),
    );
  });
  test("no value is ever a part of the statement that is sent", () => {
    fc.assert(
      fc.property(statement, values, values, dialect, (text, one, other, to) => {
        const compiled = compileTemplate(text, SCOPES.open, to);
        const [first, second] = [compiled.bind(lookupOf(one)), compiled.bind(lookupOf(other))];
        assert.deepEqual(compiled.texts, [first.text]);
        assert.equal(second.text, first.text);
        assert.equal(first.values.length, compiled.bindings.length);
        const outside = first.text.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, "");
        assert.equal(outside.split("?").length - 1, first.values.length);
        assert.doesNotMatch(outside, /sparam|email|txt|[{}[\]]|--|\/\*/i);
      }),
      { numRuns: 500 },
    );
  });
  test("a text that can't be compiled is told by a fault with its place, and by nothing else", () => {
    const pieces = fc.constantFrom(
      ..."select top from where ( ) , ; ' \" [ ] { } <a> + - || like . * getdate() cast( as [SPARAM1] {txt} {column} order by insert into values set -- /* */ case end 1 offset rows fetch first".split(
        " ",
      ),
      " ",
      "\n",
    );
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pieces, { maxLength: 30 }).map((list) => `select ${list.join(" ")}`),
    );
    fc.assert(
      fc.property(texts, dialect, (text, to) => {
        try {
          compileTemplate(text, SCOPES.open, to);
        } catch (cause) {
          assert.ok(cause instanceof FaultError, String(cause instanceof Error ? cause.stack : cause));
          assert.ok(cause.line >= 1 && cause.column >= 1 && cause.line <= text.split("\n").length);
        }
      }),
      { numRuns: 3000 },
    );
  });
  test("parentheses without end are told, however many", () => {
    for (const text of [`select ${"(".repeat(1e5)}`, `select ${"(".repeat(1e5)}1${")".repeat(1e5)}`])
      assert.throws(() => compileTemplate(text, SCOPES.open, "sqlite"), /parentheses in each other/);
  });
  test("a literal of a megabyte is one token", () => {
    const text = `select '${"a''".repeat(4e5)}'`;
    assert.equal(compileTemplate(text, SCOPES.open, "sqlite").texts[0], text);
  });
});
