/** Rows and files put into force, refused, followed by other servers, and taken back; on both databases. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { ReloadReport } from "../engine/contracts.js";
import type { Database } from "../engine/database/database.js";
import { ApiError } from "../engine/errors.js";
import { makeLog } from "../engine/log.js";
import type { Entry } from "../engine/registry/entry.js";
import { describeEntry, signatureOf } from "../engine/registry/reference.js";
import { type LiveRegistry, makeRegistry } from "../engine/registry/registry.js";
import { eachDatabase, openMigrated } from "./databases.js";

const log = makeLog("silent");
const HEAD = "neverFails: true\nexamples: [{ request: {}, answer: 'OK: fine' }]\n";
const FILES: Readonly<Record<string, string>> = {
  balance: `summary: The credit.\naccess: user\naliases: [credit]\nsteps: [{ sql: "select credit from tb_users where id = [USERID]", as: it }]\nrows: it\n${HEAD}`,
  apireload: `summary: Reloads.\naccess: admin\nanswer: done\n${HEAD}`,
};

const signatureAndText = (entry: Entry | undefined): string =>
  entry === undefined ? "" : `${signatureOf(entry)} ${describeEntry(entry)}`;

/** One server: its own folder of definitions, on a database that may be shared. */
interface Server {
  database: Database;
  registry: LiveRegistry;
  folder: string;
  define(name: string, text: string): Promise<void>;
}

eachDatabase("reload", (fresh) => {
  let address: string;
  let opened: Server[];

  beforeEach(async () => {
    address = await fresh();
    opened = [];
  });
  afterEach(async () => {
    for (const { registry, database, folder } of opened) {
      await registry.stop();
      await database.close();
      await rm(folder, { recursive: true });
    }
  });

  /** A server that has not started. */
  async function server(): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), "tbapi-definitions-"));
    await mkdir(join(folder, "test"));
    const define = (name: string, text: string) => writeFile(join(folder, "test", `${name}.yaml`), text);
    for (const [name, text] of Object.entries(FILES)) await define(name, text);
    const database = await openMigrated(address);
    const registry = makeRegistry({
      database,
      log,
      operations: new Map(),
      deliveries: new Map(),
      definitionsFolder: pathToFileURL(`${folder}/`),
      seal: (clear) => clear,
    });
    const made = { database, registry, folder, define };
    opened.push(made);
    return made;
  }
  async function started(): Promise<Server> {
    const made = await server();
    await made.registry.start();
    return made;
  }

  const run = ({ database }: Server, text: string, values: (string | number | null)[] = []) =>
    database.run({ text, values });
  const add = (to: Server, fname: string, customsql: string, more: Record<string, string | number> = {}) => {
    const row = { fname, customsql, req_user: 14, req_key: 0, ...more };
    const columns = Object.keys(row);
    return run(
      to,
      `insert into tb_api (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`,
      Object.values(row),
    );
  };
  const change = (of: Server, fname: string, customsql: string) =>
    run(of, "update tb_api set customsql = ? where fname = ?", [customsql, fname]);
  const remove = (from: Server, fname: string) => run(from, "delete from tb_api where fname = ?", [fname]);
  const liveSql = async (of: Server, fname: string) =>
    (await run(of, "select customsql from tb_api where fname = ?", [fname])).rows[0]?.["customsql"];
  const entry = ({ registry }: Server, name: string) => registry.current.entries.get(name);
  const sqlOf = (of: Server, name: string) => {
    const [step] = entry(of, name)?.steps ?? [];
    return step?.kind === "sql" ? step.template.texts[0] : undefined;
  };
  const withoutNumber = ({ added, changed, removed }: ReloadReport) => ({ added, changed, removed });
  const refused = async (work: Promise<unknown>): Promise<ApiError> => {
    const cause: unknown = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(cause instanceof ApiError, String(cause));
    return cause;
  };
  /** Fails by the runner's own limit when it never comes true. */
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await pause(20);
  };

  test("help tells of a row what it does by now: its comment, and nothing of the entry that it replaces", async () => {
    const one = await started();
    await add(one, "mine", "select 1 as one", { comment: "Counts to one." });
    await add(one, "balance", "select 1 as one");
    await one.registry.reload("test");
    const told = (name: string) => signatureAndText(entry(one, name));
    assert.match(told("mine"), /^mine mine: Counts to one\.\nFor everybody[\s\S]*sparam1, sparam2 and so on\.$/);
    assert.match(told("balance"), /^balance balance: An entry of this server's own\.\n/);
  });
  test("a row is in force after a reload, not before", async () => {
    const one = await started();
    await add(one, "Mine", "select 1 as one");
    assert.equal(entry(one, "mine"), undefined);
    const { generation } = one.registry.current;
    assert.deepEqual(await one.registry.reload("ann"), {
      generation: generation + 1,
      added: ["mine"],
      changed: [],
      removed: [],
    });
    assert.equal(entry(one, "mine")?.origin, "tb_api");
    await change(one, "mine", "select 2 as two");
    assert.deepEqual(withoutNumber(await one.registry.reload("ann")), { added: [], changed: ["mine"], removed: [] });
    await remove(one, "mine");
    assert.deepEqual(withoutNumber(await one.registry.reload("ann")), { added: [], changed: [], removed: ["mine"] });
  });

  test("a request keeps the snapshot that it began with", async () => {
    const one = await started();
    await add(one, "mine", "select 1 as one");
    await one.registry.reload("ann");
    const kept = one.registry.current;
    assert.ok(Object.isFrozen(kept));
    const before = kept.entries.get("mine");
    await change(one, "mine", "select 2 as two");
    await one.registry.reload("ann");
    assert.equal(kept.entries.get("mine"), before);
    assert.notEqual(entry(one, "mine"), before);
  });

  test("what did not change is not compiled again", async () => {
    const one = await started();
    await add(one, "mine", "select 1 as one");
    await one.registry.reload("ann");
    const before = one.registry.current;
    await add(one, "other", "select 1 as one");
    await one.registry.reload("ann");
    for (const [name, kept] of before.entries) assert.equal(entry(one, name), kept);
  });

  test("every faulty row is told by its entry, and what is in force stays", async () => {
    const one = await started();
    await add(one, "good", "select 1 as fine");
    await one.registry.reload("ann");
    const before = one.registry.current;
    const faults: Record<string, string> = {
      misspelt: "selec 1",
      notable: "select 1 from tb_nosuchtable",
      nocolumn: "select nosuchcolumn\nfrom tb_users",
      openquote: "select 'x",
      secret: "select {password}",
    };
    for (const [name, sql] of Object.entries(faults)) await add(one, name, sql);
    await add(one, "good2", "select 2 as fine");
    const { errorClass, detail } = await refused(one.registry.reload("ann"));
    assert.equal(errorClass, "failed");
    for (const name of Object.keys(faults)) assert.match(detail, new RegExp(`(^|; )${name}: customsql: `));
    assert.match(detail, /tb_nosuchtable/);
    assert.match(detail, /nosuchcolumn/);
    assert.doesNotMatch(detail, /good|\n|ER_|SQLITE|sqlite/);
    assert.equal(one.registry.current, before);
    for (const name of Object.keys(faults)) await remove(one, name);
    assert.deepEqual(withoutNumber(await one.registry.reload("ann")), { added: ["good2"], changed: [], removed: [] });
  });

  test("a long list of faults is cut, but names each entry", async () => {
    const one = await started();
    const names = Array.from({ length: 100 }, (_, index) => `faulty${index}`);
    for (const name of names) await add(one, name, `select ${"nosuchcolumn"} from tb_users where name = '${name}'`);
    const { detail } = await refused(one.registry.reload("ann"));
    for (const name of names) assert.match(detail, new RegExp(`\\b${name}\\b`));
    assert.ok(detail.length < 6_000, String(detail.length));
  });

  test("files are read again, and their faults are told with file, line and column", async () => {
    const one = await started();
    await one.define("hello", `summary: Hello.\naccess: public\nanswer: hello\n${HEAD}`);
    assert.deepEqual(withoutNumber(await one.registry.reload("ann")), { added: ["hello"], changed: [], removed: [] });
    await one.define(
      "hello",
      `summary: Hello.\naccess: public\nsteps: [{ sql: select nosuch from tb_users }]\nanswer: hello\n${HEAD}`,
    );
    const { detail } = await refused(one.registry.reload("ann"));
    assert.match(detail, /\/test\/hello\.yaml:3:\d+: hello: .*nosuch/);
    assert.equal(entry(one, "hello")?.steps.length, 0);
  });

  test("a name stands for one entry", async () => {
    const one = await started();
    await one.define("later", `summary: Later.\naccess: public\naliases: [credit]\nanswer: hello\n${HEAD}`);
    const { detail } = await refused(one.registry.reload("ann"));
    assert.match(detail, /later: 'credit' stands in .*\.yaml already/);
  });

  test("a row changes a built-in entry under all its names, and its absence gives it back", async () => {
    const one = await started();
    const builtIn = entry(one, "balance");
    await add(one, "balance", "", { req_user: 14 });
    await one.registry.reload("ann");
    for (const name of ["balance", "credit"])
      assert.deepEqual([entry(one, name)?.access.user, entry(one, name)?.access.key], [14, false]);
    assert.equal(sqlOf(one, "credit"), builtIn?.steps[0]?.kind === "sql" ? builtIn.steps[0].template.texts[0] : "");
    await remove(one, "balance");
    assert.deepEqual(withoutNumber(await one.registry.reload("ann")), { added: [], changed: ["balance"], removed: [] });
    assert.equal(entry(one, "credit"), builtIn);
  });

  test("a row that is faulty at start closes its entry and no other, until it is repaired", async () => {
    const one = await server();
    await add(one, "balance", "select nosuch from tb_users");
    await add(one, "apireload", "", { req_user: 5 });
    await add(one, "fine", "select 1 as one");
    await one.registry.start();
    assert.deepEqual(one.registry.current.faults.map((fault) => fault.entry).sort(), ["apireload", "balance"]);
    assert.deepEqual(
      ["balance", "credit", "fine"].map((name) => entry(one, name)?.closed),
      ["faulty", "faulty", undefined],
    );
    assert.deepEqual([entry(one, "apireload")?.closed, entry(one, "apireload")?.access.user], [undefined, 4]);
    assert.match((await refused(one.registry.reload("ann"))).detail, /balance: customsql: .*nosuch/);
    await remove(one, "balance");
    await remove(one, "apireload");
    await one.registry.reload("ann");
    assert.equal(entry(one, "balance")?.closed, undefined);
    assert.deepEqual(one.registry.current.faults, []);
  });

  test("faulty files stop the start and are all told; check tells them and faulty rows without one", async () => {
    const one = await server();
    await one.define("first", "access: user\n");
    await one.define("second", "summary: x\naccess: nobody\nanswer: x\n");
    await add(one, "mine", "selec 1");
    assert.deepEqual(
      (await one.registry.check()).map((fault) => fault.entry),
      ["first", "first", "second", "second", "mine"],
    );
    await assert.rejects(
      one.registry.start(),
      ({ message }: Error) => /first\.yaml:1:1: first: /.test(message) && /second\.yaml:2:9: /.test(message),
    );
  });

  test("the history keeps what each row was and became, when, and by whom", async () => {
    const one = await started();
    await add(one, "mine", "select 1 as one");
    const { generation } = await one.registry.reload("ann");
    await change(one, "mine", "select 2 as two");
    await one.registry.reload("bob");
    const { rows } = await run(
      one,
      "select generation, byuser, fname, oldrow, newrow from tb_apihistory order by generation",
    );
    assert.deepEqual(
      rows.map((row) => [row["generation"], row["byuser"], row["fname"]]),
      [
        [generation, "ann", "mine"],
        [generation + 1, "bob", "mine"],
      ],
    );
    assert.equal(rows[0]?.["oldrow"], null);
    assert.equal(rows[0]?.["newrow"], rows[1]?.["oldrow"]);
    assert.equal(JSON.parse(String(rows[1]?.["newrow"])).customsql, "select 2 as two");
  });

  test("undo brings the rows before the last reload back, and undone again it is redone", async () => {
    const one = await started();
    assert.equal((await refused(one.registry.undo("ann"))).errorClass, "not found");
    await add(one, "kept", "select 1 as kept");
    await add(one, "gone", "select 1 as gone", { req_user_credit: "2.5", comment: "as it was" });
    await one.registry.reload("ann");
    await change(one, "kept", "select 2 as kept");
    await remove(one, "gone");
    await add(one, "made", "select 3 as made");
    const { generation } = await one.registry.reload("ann");
    assert.deepEqual(await one.registry.undo("ann"), {
      generation: generation + 1,
      added: ["gone"],
      changed: ["kept"],
      removed: ["made"],
    });
    assert.deepEqual(
      [await liveSql(one, "kept"), await liveSql(one, "gone"), await liveSql(one, "made")],
      ["select 1 as kept", "select 1 as gone", undefined],
    );
    assert.equal(entry(one, "gone")?.access.credit, "2.5");
    assert.deepEqual(withoutNumber(await one.registry.reload("ann")), { added: [], changed: [], removed: [] });
    assert.deepEqual(withoutNumber(await one.registry.undo("ann")), {
      added: ["made"],
      changed: ["kept"],
      removed: ["gone"],
    });
  });

  test("undo works while rows that were never in force are faulty, and leaves them alone", async () => {
    const one = await started();
    await add(one, "mine", "select 1 as one");
    await one.registry.reload("ann");
    await add(one, "faulty", "selec 1");
    assert.deepEqual(withoutNumber(await one.registry.undo("ann")), { added: [], changed: [], removed: ["mine"] });
    assert.equal(await liveSql(one, "faulty"), "selec 1");
  });

  test("another server follows a reload, and takes no row that was not in it", async () => {
    const [one, other] = [await started(), await started()];
    await add(one, "mine", "select 1 as one");
    const { generation } = await one.registry.reload("ann");
    await add(one, "halfdone", "selec");
    await change(one, "mine", "select 2 as two");
    await until(() => other.registry.current.generation === generation);
    assert.deepEqual([entry(other, "halfdone"), sqlOf(other, "mine")], [undefined, "select 1 as one"]);
    assert.equal(other.registry.behind, false);
  });

  test("a server that can't load what is in force is behind until it can", async () => {
    const [one, other] = [await started(), await started()];
    const before = other.registry.current;
    await other.define("balance", "summary: broken\n");
    await add(one, "mine", "select 1 as one");
    await one.registry.reload("ann");
    await until(() => other.registry.behind);
    assert.equal(other.registry.current, before);
    await other.define("balance", FILES["balance"] ?? "");
    await other.registry.reload("bob");
    assert.deepEqual([other.registry.behind, entry(other, "mine")?.name], [false, "mine"]);
  });

  test("reloads at the same time, on one server and on two, each get their number and lose nothing", async () => {
    const [one, other] = [await started(), await started()];
    await add(one, "mine", "select 1 as one");
    const reports = await Promise.all([one, other, one, other].map(({ registry }) => registry.reload("ann")));
    assert.equal(new Set(reports.map(({ generation }) => generation)).size, 4);
    await until(() => one.registry.current.generation === other.registry.current.generation);
    const { rows } = await run(one, "select count(*) as n from tb_apihistory where fname = 'mine'");
    assert.equal(Number(rows[0]?.["n"]), 1);
    assert.deepEqual([entry(one, "mine")?.name, entry(other, "mine")?.name], ["mine", "mine"]);
  });

  test("servers that start at the same time agree on one generation", async () => {
    const servers = [await server(), await server(), await server()];
    for (const name of ["a", "b", "c"]) await add(servers[0] as Server, name, `select '${name}' as it`);
    await Promise.all(servers.map(({ registry }) => registry.start()));
    assert.deepEqual(
      servers.map(({ registry }) => registry.current.generation),
      [1, 1, 1],
    );
  });

  test("all texts that an entry can send are known", async () => {
    const one = await started();
    await add(one, "mine", "*update tb_users set name = '[SPARAM1]' where id = [USERID]", {
      custom_action: 8,
      custom_action_body: "delete from tb_sms where id = 0",
    });
    await one.registry.reload("ann");
    const texts = new Map(one.registry.statements().map((known) => [known.entry, known.texts]));
    assert.deepEqual([...texts.keys()].sort(), ["apireload", "balance", "mine"]);
    assert.equal(texts.get("mine")?.length, 2);
    assert.doesNotMatch(texts.get("mine")?.join() ?? "", /SPARAM1|USERID/);
  });

  test("rows that are longer together than a message to the database may be are recorded, and taken back", async () => {
    const one = await started();
    const length = 60_000;
    const names = Array.from({ length: 300 }, (_, index) => `long${index}`).sort();
    for (const name of names) await add(one, name, `select '${name.padEnd(length, "x")}' as text`);
    assert.deepEqual((await one.registry.reload("ann")).added.sort(), names);
    const { rows } = await run(one, `select fname from tb_apihistory where length(newrow) > ${length} order by fname`);
    assert.deepEqual(
      rows.map(({ fname }) => fname),
      names,
    );
    assert.deepEqual((await one.registry.undo("ann")).removed.sort(), names);
  });

  test("10,000 rows are put into force", async (t) => {
    const one = await started();
    const batch = Array.from({ length: 100 }, () => "(?, ?, 14, 0)").join(", ");
    for (let start = 0; start < 10_000; start += 100) {
      const values = Array.from({ length: 100 }, (_, index) => [
        `many${start + index}`,
        `select ${start + index} as n, '[SPARAM1]' as s from tb_users where id = [USERID]`,
      ]);
      await run(one, `insert into tb_api (fname, customsql, req_user, req_key) values ${batch}`, values.flat());
    }
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const began = performance.now();
    assert.equal((await one.registry.reload("ann")).added.length, 10_000);
    const first = performance.now() - began;
    await change(one, "many5000", "select 0 as n");
    const again = performance.now();
    assert.deepEqual((await one.registry.reload("ann")).changed, ["many5000"]);
    clearInterval(timer);
    t.diagnostic(
      `10,000 new rows: ${Math.round(first)} ms; one of them changed: ${Math.round(performance.now() - again)} ms; longest pause of the event loop: ${Math.round(longest)} ms`,
    );
  });
});
