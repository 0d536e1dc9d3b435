/** Look-ups on MariaDB over shared connections tell what the pool tells, whatever becomes of the connections. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type MariaDbAddress, parseAddress } from "../engine/database/address.js";
import type { Database, Statement } from "../engine/database/database.js";
import { LookUps } from "../engine/database/mariadb-lookups.js";
import { openDatabase } from "../engine/database/open.js";
import { RunningStatements } from "../engine/database/running.js";
import { makeLog } from "../engine/log.js";
import { freshMariaDb } from "./databases.js";

/** Milliseconds that a look-up may take. */
const LIMIT = 5_000;

/** A column of each type, and what it holds. */
const TYPES: readonly (readonly [type: string, value: string])[] = [
  ["tinyint", "-3"],
  ["tinyint unsigned", "250"],
  ["smallint", "-30000"],
  ["mediumint", "-8000000"],
  ["int", "-2147483648"],
  ["int unsigned", "4294967295"],
  ["bigint", "9007199254740993"],
  ["bigint", "7"],
  ["bigint unsigned", "18446744073709551615"],
  ["decimal(18,6)", "5.1"],
  ["decimal(18,6)", "-0.000001"],
  ["decimal(20,0)", "12345678901234567890"],
  ["decimal(5,0)", "12"],
  ["float", "0.1"],
  ["double", "0.1"],
  ["double", "1e300"],
  ["date", "'2026-02-28'"],
  ["datetime", "'2026-02-28 01:02:03'"],
  ["datetime", "'2026-02-28 00:00:00'"],
  ["datetime(6)", "'2026-02-28 01:02:03.000456'"],
  ["datetime", "'0000-00-00 00:00:00'"],
  ["timestamp", "'2026-02-28 01:02:03'"],
  ["year", "2026"],
  ["char(5)", "'ab'"],
  ["varchar(20)", "'őß😀'''"],
  ["longtext", "repeat('x', 70000)"],
  ["binary(3)", "x'00ff10'"],
  ["varbinary(9)", "x'00ff'"],
  ["blob", "x'00ff'"],
  ["enum('a', 'b')", "'b'"],
  ["set('a', 'b')", "'a,b'"],
  ["set('a', 'b')", "''"],
  ["json", `'{"a": 1}'`],
  ["uuid", "'123e4567-e89b-12d3-a456-426655440000'"],
  ["inet6", "'2001:db8::1'"],
];
/** Of types that the driver of the shared connections gives another form. */
const OTHER_TYPES: typeof TYPES = [
  ["bit(1)", "1"],
  ["bit(9)", "257"],
  ["time", "'-12:34:56'"],
  ["time(3)", "'112:34:56.789'"],
  ["point", "point(1, 2)"],
];

const asStatement = (text: string, ...values: Statement["values"]): Statement => ({ text, values });
const ONE = asStatement("select 1 as v");
const FIND = asStatement("select name from numbers where id = ?", 5);

describe("look-ups on MariaDB", () => {
  let address: string;
  /** Without shared connections. */
  let pool: Database;
  let lookUps: LookUps;
  let cells: string[];
  const run = (text: string) => pool.run(asStatement(text));
  const open = (parameters = "") =>
    openDatabase(address + parameters, { timeout: () => LIMIT, log: makeLog("silent") });

  async function standing({ limit = LIMIT, parameters = "" } = {}): Promise<LookUps> {
    const parsed = parseAddress(address + parameters) as MariaDbAddress;
    const made = new LookUps(parsed, () => limit, new RunningStatements());
    await stand(made);
    return made;
  }

  before(async () => {
    address = await freshMariaDb();
    pool = await open("?lookups=0");
    lookUps = await standing();
    await run("create table numbers (id bigint primary key, name varchar(20), raw varbinary(9))");
    await run("insert into numbers select seq, concat('n', seq), char(seq) from seq_1_to_500");
    await run("insert into numbers values (9007199254740991, 'big', x'ff00')");
    const all = [...TYPES, ...OTHER_TYPES];
    cells = all.map((_, index) => `c${index}`);
    await run(`create table cells (id int primary key, ${all.map(([type], index) => `c${index} ${type} null`)})`);
    await run(`insert into cells values (1, ${all.map(([, value]) => value)})`);
    await run("insert into cells (id) values (2)");
  });
  after(async () => {
    await lookUps.close();
    await pool.close();
  });

  for (const [index, [type, value]] of TYPES.entries())
    test(`${type} ${value} and null are the same cells as over the pool`, async () => {
      const text = `select id, ${cells[index]} as v from cells order by id`;
      assert.deepEqual(await lookUps.find(asStatement(text)), (await run(text)).rows);
    });

  for (const [index, [type]] of OTHER_TYPES.entries())
    test(`${type} is read over the pool`, async (t) => {
      const statement = asStatement(`select ${cells[TYPES.length + index]} as v from cells where id = 1`);
      await assert.rejects(async () => lookUps.find(statement));
      const sharing = await open();
      t.after(() => sharing.close());
      await share(sharing);
      assert.deepEqual(await sharing.lookUp(statement), (await pool.run(statement)).rows);
    });

  for (const [title, where, value, name] of [
    ["a text", "name = ?", "n5", "n5"],
    ["a text that is more than a text", "name = ?", "' or 1=1 -- ", undefined],
    ["a whole number", "id = ?", 7, "n7"],
    ["a whole number beyond 32 bits", "id = ?", Number.MAX_SAFE_INTEGER, "big"],
    ["a whole number beyond 32 bits as text", "id = 7 and concat(?) = '1000000000000000'", 1e15, "n7"],
    ["a bigint", "id = ?", 9007199254740991n, "big"],
    ["a fraction", "id = ?", 6.5, undefined],
    ["bytes", "raw = ?", Buffer.from([0xff, 0]), "big"],
    ["nothing", "name = ?", null, undefined],
  ] as const)
    test(`${title} is bound as over the pool`, async () => {
      const statement = asStatement(`select name from numbers where ${where}`, value);
      const rows = await lookUps.find(statement);
      assert.deepEqual(rows, name === undefined ? [] : [{ name }]);
      assert.deepEqual(rows, (await pool.run(statement)).rows);
    });

  test("many at once get each its own answer", async () => {
    const ids = Array.from({ length: 500 }, (_, index) => index + 1);
    const rows = await Promise.all(ids.map((id) => lookUps.find(asStatement(FIND.text, id))));
    assert.deepEqual(
      rows,
      ids.map((id) => [{ name: `n${id}` }]),
    );
  });

  test("a column whose type changes is read as what it is now", async () => {
    await run("create table changing (v int)");
    await run("insert into changing values (5)");
    const find = () => lookUps.find(asStatement("select v from changing"));
    assert.deepEqual(await find(), [{ v: 5 }]);
    await run("alter table changing modify v decimal(18,6)");
    assert.deepEqual(await find(), [{ v: "5" }]);
    await run("alter table changing modify v varchar(9), add w int first");
    assert.deepEqual(await find(), [{ v: "5.000000" }]);
  });

  test("a wrong statement is refused in the words of the pool, and disturbs no other", async (t) => {
    const sharing = await open();
    t.after(() => sharing.close());
    await share(sharing);
    const answers = await Promise.allSettled([
      sharing.lookUp(asStatement("select nosuch from numbers")),
      sharing.lookUp(FIND),
      sharing.lookUp(FIND),
    ]);
    const [refused, ...others] = answers.map((answer) =>
      answer.status === "fulfilled" ? answer.value : String(answer.reason),
    );
    assert.equal(refused, "DatabaseError: unknown column 'nosuch'");
    assert.deepEqual(others, [[{ name: "n5" }], [{ name: "n5" }]]);
  });

  test("connections that the server ends cost no answer, and are made again", async (t) => {
    const sharing = await open();
    t.after(() => sharing.close());
    await share(sharing);
    const [one, two] = await Promise.all([1, 2].map(() => sharing.lookUp(asStatement("select connection_id() as id"))));
    const asked = Array.from({ length: 200 }, () => sharing.lookUp(FIND));
    for (const rows of [one, two]) await run(`kill ${rows?.[0]?.["id"]}`);
    for (const answer of await Promise.all(asked)) assert.deepEqual(answer, [{ name: "n5" }]);
    assert.deepEqual(await sharing.lookUp(FIND), [{ name: "n5" }]);
    await share(sharing);
  });

  test("one that takes too long is refused, and others go on afterwards", async (t) => {
    const hasty = await standing({ limit: 100, parameters: "?lookups=1" });
    t.after(() => hasty.close());
    await assert.rejects(async () => hasty.find(asStatement("select sleep(5) as v")), { kind: "timeout" });
    await stand(hasty);
  });

  test("there are none where the address says so, and none after the close", async () => {
    await pool.lookUp(FIND);
    const closed = await standing();
    const last = closed.find(FIND);
    await closed.close();
    assert.deepEqual(await last, [{ name: "n5" }]);
    await pause(100);
    assert.equal(closed.find(FIND), undefined);
    assert.deepEqual(shared(pool), { name: "connections of look-ups", size: 0, busy: 0, waiting: 0 });
  });

  test("a reset has them made anew", async (t) => {
    const sharing = await open();
    t.after(() => sharing.close());
    await share(sharing);
    const asked = Promise.all(Array.from({ length: 50 }, () => sharing.lookUp(FIND)));
    await sharing.reset();
    assert.equal((await asked).flat().length, 50);
    await share(sharing);
  });
});

const shared = (database: Database) => database.pools().find(({ name }) => name === "connections of look-ups");

/** Until look-ups go over shared connections. */
async function share(database: Database): Promise<void> {
  for (;;) {
    const asked = database.lookUp(ONE);
    const busy = shared(database)?.busy;
    await asked;
    if (busy) return;
    await pause(5);
  }
}

async function stand(lookUps: LookUps): Promise<void> {
  while ((await lookUps.find(ONE)?.catch(() => undefined)) === undefined) await pause(5);
}
