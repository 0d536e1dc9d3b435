/** The two databases behave alike behind their interface. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type BoundValue, type Database, DatabaseError } from "../engine/database/database.js";
import { migrate } from "../engine/database/migrate.js";
import { loadSample } from "../engine/database/sample.js";
import { eachDatabase, kindOf, openMigrated, restoreSample } from "./databases.js";

/** Some ten thousand million rows. */
const ENDLESS = `select count(*) as n from ${Array.from({ length: 12 }, (_, index) => `tb_cdrs c${index}`).join(", ")}`;

eachDatabase("database", (fresh, dialect) => {
  let address: string;
  let database: Database;
  const run = (text: string, ...values: BoundValue[]) => database.run({ text, values });
  const foreign = (text: string, more = {}) => database.runForeign({ text, values: [] }, more);
  const creditOf = async (id: number) =>
    (await run("select credit from tb_users where id = ?", id)).rows[0]?.["credit"];

  before(async () => {
    address = await fresh();
    database = await openMigrated(address);
    await loadSample(database);
  });
  after(() => database.close());
  beforeEach(() => restoreSample(database));

  for (const [title, text, expected] of [
    ["a whole number is a number", "select 41 + 1 as v", 42],
    ["a decimal is text without zeros at its end", "select credit as v from tb_users where id = 1002", "5"],
    ["a sum of decimals is one", "select sum(price) as v from tb_billentries where prefix = '3630'", "0.08"],
    ["a whole number beyond 2^53 is text", "select 9007199254740993 as v", "9007199254740993"],
    ["nothing is null", "select null as v", null],
    ["texts compare without regard to case", "select username as v from tb_users where username = 'ALICE'", "alice"],
    ["a blank at the end counts", "select count(*) as v from tb_users where username = 'alice '", 0],
    ["a backslash is a sign like others", "select 'a\\b' as v", "a\\b"],
    ["texts are joined by ||", "select 'a' || 'b' as v", "ab"],
  ] as const)
    test(title, async () => assert.deepEqual((await run(text)).rows, [{ v: expected }]));

  test("a time is text in UTC", async () => {
    const { rows } = await run("select statusdate as v from tb_users where id = 1005");
    assert.match(String(rows[0]?.["v"]), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    assert.ok(Math.abs(Date.parse(`${String(rows[0]?.["v"]).replace(" ", "T")}Z`) - Date.now()) < 60_000);
  });

  test("a row that matched and kept its values counts as changed, and an insert tells its id", async () => {
    assert.equal((await run("update tb_users set name = name where id in (1001, 1002)")).changed, 2);
    const { insertId } = await run("insert into tb_callbacknumbers (userid, number) values (?, ?)", 1001, "36");
    assert.deepEqual((await run("select userid from tb_callbacknumbers where id = ?", insertId)).rows, [
      { userid: 1001 },
    ]);
  });

  test("a change is seen by what is read behind it, also where reads of the same turn share a state", async () => {
    const find = () => database.lookUp({ text: "select name from tb_users where id = ?", values: [1001] });
    const change = run("update tb_users set name = ? where id = ?", "changed", 1001);
    await Promise.all([find(), find(), find()]);
    await change;
    assert.deepEqual(await find(), [{ name: "changed" }]);
  });

  test("of two columns with one name the last counts", async () => {
    assert.deepEqual((await run("select 1 as v, 2 as w, 3 as v")).rows, [{ v: 3, w: 2 }]);
  });

  test("a number of rows is bound as a number", async () => {
    assert.equal((await run("select id from tb_users order by id limit ?", 2)).rows.length, 2);
  });

  test("no more rows are read than are wanted", async () => {
    const { rows, truncated } = await foreign(
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 900) select i from n",
      { maxRows: 100 },
    );
    assert.deepEqual([rows.length, truncated], [100, true]);
  });

  test("rows that are too long together are refused, whatever is to be done with the connection", async () => {
    const long = dialect === "sqlite" ? "hex(zeroblob(1000000))" : "repeat('x', 2000000)";
    const text = `select ${long} as v from tb_billentries a, tb_billentries b limit 10`;
    const refused = (run: Promise<unknown>) => assert.rejects(run, { kind: "failed", message: /longer than 16 MB/ });
    assert.equal((await foreign(text, { maxRows: 2 })).rows.length, 2);
    await refused(foreign(text, { maxRows: 50 }));
    await refused(database.transaction((session) => session.run({ text, values: [] }, { maxRows: 50 })));
    assert.deepEqual((await foreign("select 1 as v", { maxRows: 50 })).rows, [{ v: 1 }]);
  });

  test("a runaway statement is ended, and others go on meanwhile", async () => {
    const done: string[] = [];
    const ended = kindOf(foreign(ENDLESS, { timeout: 2_000 })).then((kind) => done.push(kind));
    await pause(100);
    assert.equal(database.running().length, 1);
    await run("select 1 as one");
    await run("update tb_users set name = 'meanwhile' where id = 1001");
    done.push("others");
    await ended;
    assert.deepEqual(done, ["others", "timeout"]);
    assert.deepEqual((await foreign("select 2 as two")).rows, [{ two: 2 }]);
  });

  test("a transaction is kept whole or not at all", async () => {
    await database.transaction(async (session) => {
      await session.run({ text: "update tb_users set credit = 1 where id = 1001", values: [] });
      await session.run({ text: "update tb_users set credit = 2 where id = 1002", values: [] });
    });
    assert.deepEqual([await creditOf(1001), await creditOf(1002)], ["1", "2"]);
    const broken = database.transaction(async (session) => {
      await session.run({ text: "update tb_users set credit = 3 where id = 1001", values: [] });
      throw new Error("no");
    });
    await assert.rejects(broken, /^Error: no$/);
    assert.equal(await creditOf(1001), "1");
  });

  test("transactions that lock two rows in opposite orders all end", async () => {
    const cross = (first: number, second: number) =>
      database.transaction(async (session) => {
        for (const id of [first, second]) {
          await session.run({ text: "update tb_users set credit = credit + 1 where id = ?", values: [id] });
          await pause(1);
        }
      });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? cross(1001, 1002) : cross(1002, 1001))),
    );
    assert.deepEqual([await creditOf(1001), await creditOf(1002)], ["30", "25"]);
  });

  test("many transactions at once are each kept, and one that fails takes no other with it", async () => {
    const work = (index: number) =>
      database.transaction(async (session) => {
        await session.run({ text: "update tb_users set credit = credit + 1 where id = 1001", values: [] });
        if (index % 10 === 0) throw new Error("no");
      });
    const done = await Promise.allSettled(Array.from({ length: 100 }, (_, index) => work(index)));
    assert.equal(done.filter(({ status }) => status === "fulfilled").length, 90);
    assert.equal(await creditOf(1001), "100");
  });

  test("what belongs to an administrator's change is kept with it or not at all", async () => {
    const andThen = [{ text: "insert into tb_callbacknumbers (userid, number) values (1, 'x')", values: [] }];
    await foreign("update tb_users set name = 'with' where id = 1001", { andThen });
    await assert.rejects(foreign("insert into tb_users (id, username) values (1001, 'x')", { andThen }));
    assert.deepEqual((await run("select count(*) as n from tb_callbacknumbers")).rows, [{ n: 1 }]);
  });

  test("a change is undone where what belongs to it finds nothing to change", async () => {
    const change = "update tb_users set name = 'undone' where id = 1001";
    const gone = { text: "delete from tb_outbox where id = 0", values: [], changes: 1 };
    await assert.rejects(foreign(change, { andThen: [gone] }), { name: "DatabaseError", kind: "absent" });
    assert.notEqual((await run("select name from tb_users where id = 1001")).rows[0]?.["name"], "undone");
    await foreign(change, { andThen: [{ ...gone, changes: 0 }] });
    assert.equal((await run("select name from tb_users where id = 1001")).rows[0]?.["name"], "undone");
  });

  for (const [text, kind, words] of [
    ["select nosuch from tb_users", "syntax", /nosuch/],
    ["select 1 from tb_nosuch", "syntax", /tb_nosuch/],
    ["selec 1", "syntax", /selec/],
    ["insert into tb_users (username) values ('alice')", "duplicate", /./],
    ["insert into tb_users (username) values (null)", "constraint", /./],
    ["update tb_users set credit = 'much' where id = 1001", "value", /./],
  ] as const)
    test(`${text}: told as ${kind}, in plain words`, async () => {
      await assert.rejects(foreign(text), (error) => {
        assert.ok(error instanceof DatabaseError);
        assert.match(error.message, words);
        assert.doesNotMatch(error.message, /ER_|SQLITE_|errno|127\.0\.0\.1/);
        assert.equal(error.kind, kind);
        return true;
      });
    });

  test("check names the faulty texts and no others", async () => {
    const faults = await database.check([
      "select 1 as one",
      "select nosuch from tb_users",
      "update tb_users set name = ? where id = ?",
    ]);
    assert.deepEqual([...faults.keys()], ["select nosuch from tb_users"]);
    assert.match(faults.get("select nosuch from tb_users")?.message ?? "", /nosuch/);
  });

  test("the schema tells the kinds of columns", async () => {
    const columns = new Map((await database.schema()).get("tb_users")?.map((column) => [column.name, column]));
    assert.equal(columns.get("credit")?.kind, "decimal");
    assert.equal(columns.get("statusdate")?.kind, "datetime");
    assert.equal(columns.get("username")?.kind, "text");
    assert.deepEqual([columns.get("id")?.kind, columns.get("username")?.nullable], ["integer", false]);
  });

  test("several servers that start at once make the tables once", async (t) => {
    const other = await fresh();
    await Promise.all(Array.from({ length: 4 }, () => migrate(other)));
    const opened = await openMigrated(other);
    t.after(() => opened.close());
    assert.ok((await opened.schema()).has("tb_ledger"));
  });
});
