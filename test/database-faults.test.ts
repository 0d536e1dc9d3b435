/** What goes wrong in a database is told in the same words by both, and harms nobody else. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import Sqlite from "better-sqlite3";
import type { BoundValue, Database, Session } from "../engine/database/database.js";
import { mariaDbError } from "../engine/database/mariadb-errors.js";
import { loadSample } from "../engine/database/sample.js";
import { eachDatabase, kindOf, openMigrated, restoreSample } from "./databases.js";

/** What a statement that never ends may take. */
const SOON = { timeout: 1_000 };
const ENDLESS = `select count(*) as n from ${Array.from({ length: 12 }, (_, index) => `tb_billentries b${index}`).join(", ")}`;
const ENDLESS_ROWS = ENDLESS.replace("count(*)", "b0.id");

test("a fault of the server's files is told without their paths", () => {
  for (const sqlMessage of [
    "Error on delete of '/tmp/#MAI' (Errcode: 2)",
    "Can't create/write to file '/var/lib/x'",
    "Can't find file: './db/t.frm'",
  ])
    assert.equal(mariaDbError({ errno: 6, sqlMessage }).message, "the database could not carry it out");
});

eachDatabase("faults of the database", (fresh, dialect) => {
  let address: string;
  let database: Database;
  const run = (text: string, ...values: BoundValue[]) => database.run({ text, values });
  const foreign = (text: string, more = {}) => database.runForeign({ text, values: [] }, more);
  const first = async (text: string) => Object.values((await run(text)).rows[0] ?? {})[0];
  const nameOf = (id: number) => first(`select name from tb_users where id = ${id}`);

  before(async () => {
    address = await fresh();
    database = await openMigrated(address);
    await loadSample(database);
  });
  after(() => database.close());
  beforeEach(() => restoreSample(database));

  for (const [text, words] of [
    ["select nosuch from tb_users", "unknown column 'nosuch'"],
    ["insert into tb_users (nosuch) values (1)", "unknown column 'nosuch'"],
    ["select 1 from tb_nosuch", "unknown table 'tb_nosuch'"],
    ["drop table tb_nosuch", "unknown table 'tb_nosuch'"],
    ["select nofunction(1)", "unknown function 'nofunction'"],
    ["select id from tb_users u join tb_cdrs c on 1 = 1", "column 'id' is in more than one of the tables: say which"],
    ["select (1", "not understood: the statement ends too early"],
    ["insert into tb_users (username) values (1, 2)", "the number of values is not that of the columns"],
    ["select ? as v", "a ? of the statement has no value"],
    ["insert into tb_users (username) values ('ALICE')", "duplicate value for username"],
    ["insert into tb_users (id, username) values (1001, 'x')", "duplicate value for the primary key"],
    [
      "insert into tb_idempotency (userid, entry, idempotencykey) values (1, 'a', 'k'), (1, 'b', 'k')",
      "duplicate value for userid, idempotencykey",
    ],
    ["insert into tb_users (name) values ('x')", "'username' needs a value"],
    ["update tb_users set username = null where id = 1001", "'username' needs a value"],
    ["update tb_users set noanswertimeout = 'abc' where id = 1001", "the value does not fit 'noanswertimeout'"],
    ["update tb_users set credit = '1.2.3' where id = 1001", "the value does not fit 'credit'"],
    ["begin", "a statement may not begin with 'begin'"],
    ["/* x */ lock tables tb_users read", "a statement may not begin with 'lock'"],
    ["-- x\nset autocommit = 0", "a statement may not begin with 'set'"],
    ["pragma journal_mode = delete", "a statement may not begin with 'pragma'"],
    [" ", "there is no statement"],
  ] as const)
    test(`${text.trim() || "nothing"}: ${words}`, () =>
      assert.rejects(foreign(text), { name: "DatabaseError", message: words }));

  for (const [text, place] of [
    ["select 1, nosuch from tb_users", "nosuch"],
    ["select 1 from tb_users whre id = 1", "id"],
    ["select 1 from tb_nosuch", "tb_nosuch"],
    ["select nofunction(1)", "nofunction"],
    ["select nosuch, nosuch from tb_users", undefined],
  ] as const)
    test(`${text}: check tells ${place === undefined ? "no place, since there are two" : `the place of ${place}`}`, async () => {
      const faults = await database.check([text]);
      assert.equal(faults.get(text)?.offset, place === undefined ? undefined : text.indexOf(place));
    });

  for (const [text, cells] of [
    ["select credit / 4 as v, credit * 2 as w from tb_users where id = 1001", { v: "2.5", w: "20" }],
    ["select avg(credit) as v from tb_users where id in (1001, 1002)", { v: "7.5" }],
    ["select count(*) as v, max(id) as w from tb_users where id < 1003 and id > 1000", { v: 2, w: 1002 }],
    ["select sum(type) as v from tb_users where id in (1010, 1020)", { v: 21 }],
    ["select 0.1 + 0.2 as v, 1.50 as w, -0.0 as x", { v: "0.3", w: "1.5", x: "0" }],
    ["select 1e20 as v, 12345678901234567 as w", { v: "100000000000000000000", w: "12345678901234567" }],
    ["select x'00ff' as v, '' as w, 1 > 2 as x", { v: "AP8=", w: "", x: 0 }],
  ] as const)
    test(`${text}: the same cells on both databases`, async () => assert.deepEqual((await run(text)).rows, [cells]));

  test("texts come back as they were sent, whatever is in them", async () => {
    for (const text of ["'\\\"`;--", "x\u0000y", "\u{1f600} \u00e9", "%_!", "a".repeat(100_000)])
      assert.deepEqual((await run("select ? as v", text)).rows, [{ v: text }]);
  });

  test("a number that is too big to be sent is a wrong value", async () => {
    assert.equal(await kindOf(run("select ? as v", 2n ** 70n)), "value");
    assert.equal(await first("select 1 as v"), 1);
  });

  test("a session is of no use after its transaction", async () => {
    const kept: Session = await database.transaction(async (session) => session);
    await assert.rejects(kept.run({ text: "delete from tb_users", values: [] }), {
      message: "the transaction is over",
    });
  });

  test("more runaway statements than may run at once are all ended, and then others run again", async () => {
    const kinds = await Promise.all(Array.from({ length: 7 }, () => kindOf(foreign(ENDLESS, SOON))));
    assert.ok(kinds.includes("timeout"));
    assert.deepEqual(
      kinds.filter((kind) => kind !== "timeout" && kind !== "unavailable"),
      [],
    );
    assert.deepEqual(database.running(), []);
    assert.deepEqual((await foreign("select 2 as two")).rows, [{ two: 2 }]);
  });

  test("of a result that is far longer than wanted only the beginning is read", async () => {
    const { rows, truncated } = await foreign(ENDLESS_ROWS, { maxRows: 3 });
    assert.deepEqual([rows.length, truncated], [3, true]);
    assert.equal(await first("select 1 as v"), 1);
  });

  test("a statement that fails in a transaction leaves what was done before it", async () => {
    await database.transaction(async (session) => {
      await session.run({ text: "update tb_users set name = 'kept' where id = 1001", values: [] });
      const taken = session.run({ text: "insert into tb_users (username) values ('alice')", values: [] });
      assert.equal(await kindOf(taken), "duplicate");
    });
    assert.equal(await nameOf(1001), "kept");
  });

  test("a reset disturbs neither a transaction nor statements that run", async () => {
    const long = database.transaction(async (session) => {
      await session.run({ text: "update tb_users set name = 'through' where id = 1001", values: [] });
      await pause(30);
      await session.run({ text: "update tb_users set name = 'through' where id = 1002", values: [] });
    });
    await pause(10);
    await Promise.all([database.reset(), run("select 1 as v"), long]);
    assert.deepEqual([await nameOf(1001), await nameOf(1002)], ["through", "through"]);
  });

  test("a closed database keeps nothing open", async () => {
    const held = process.getActiveResourcesInfo().length;
    const other = await openMigrated(address);
    await Promise.all([
      other.run({ text: "select 1", values: [] }),
      other.runForeign({ text: "select 1", values: [] }),
      other.transaction((session) => session.run({ text: "select 1", values: [] })),
    ]).finally(() => other.close());
    while (process.getActiveResourcesInfo().length > held) await pause(10);
  });

  if (dialect === "mariadb") {
    test("the server stops sending what was cut off, without waiting for its own limit", async (t) => {
      const patient = await openMigrated(address, 3_600_000);
      t.after(() => patient.close());
      const { rows } = await patient.runForeign({ text: ENDLESS_ROWS, values: [] }, { maxRows: 3 });
      assert.equal(rows.length, 3);
      const sent = "select count(*) from information_schema.processlist where info like 'select b0.id as n from%'";
      while ((await first(sent)) !== 0) await pause(20);
    });

    test("what a procedure leaves in its session reaches nobody else", async () => {
      await foreign(
        "create procedure leave_open() begin set session sql_mode = ''; start transaction; update tb_users set name = 'left' where id = 1001; select 1 as a; select 2 as b; end",
      );
      const { rows } = await foreign("call leave_open()", { maxRows: 10 });
      assert.deepEqual(rows, [{ a: 1 }]);
      const modes = await Promise.all(Array.from({ length: 8 }, () => foreign("select @@sql_mode as v")));
      for (const { rows: mode } of modes) assert.match(String(mode[0]?.["v"]), /ANSI_QUOTES/);
      assert.notEqual(await nameOf(1001), "left");
    });

    test("a transaction whose statement takes too long is rolled back", async () => {
      const slow = database.transaction(async (session) => {
        await session.run({ text: "update tb_users set name = 'slow' where id = 1001", values: [] });
        await session.run({ text: ENDLESS, values: [] }, SOON);
      });
      assert.equal(await kindOf(slow), "timeout");
      // The server lets go of the row when it has undone the change, however long that takes it.
      const free = { text: "update tb_users set name = 'free' where id = 1001", values: [] };
      await database.run(free, { timeout: 30_000 });
      assert.equal(await nameOf(1001), "free");
    });
  } else {
    const file = () => address.slice("sqlite:".length);

    test("while another program writes, reads go on, and changes wait without stopping anything", async (t) => {
      const other = new Sqlite(file());
      t.after(() => other.close());
      other.exec("begin immediate");
      const change = run("update tb_users set name = 'waited' where id = 1001");
      await pause(50);
      assert.notEqual(await nameOf(1001), "waited");
      other.exec("commit");
      await change;
      assert.equal(await nameOf(1001), "waited");
      other.exec("begin immediate");
      assert.equal(await kindOf(run("update tb_users set name = 'x' where id = 1001")), "unavailable");
    });

    test("a runaway change is ended and undone; other changes wait for it, and are kept", async () => {
      const runaway = kindOf(foreign(`update tb_users set name = (${ENDLESS}) where id = 1001`, SOON));
      await pause(100);
      const change = run("update tb_users set name = 'after' where id = 1002");
      assert.equal(
        await kindOf(foreign("update tb_users set name = 'x' where id = 1003", { timeout: 50 })),
        "unavailable",
      );
      assert.equal(await runaway, "timeout");
      await change;
      assert.deepEqual([await nameOf(1001), await nameOf(1002)], ["Alice Smith", "after"]);
    });

    test("changes that are asked for before the close are kept", async () => {
      const other = await openMigrated(address);
      const changes = Array.from({ length: 100 }, (_, index) =>
        other.run({ text: "insert into tb_callbacknumbers (userid, number) values (7, ?)", values: [String(index)] }),
      );
      await Promise.all([other.close(), ...changes]);
      assert.equal(await first("select count(*) as n from tb_callbacknumbers where userid = 7"), 100);
    });

    test("a database that is closed ends what runs, refuses what waits, and starts nothing more", async () => {
      const other = await openMigrated(address);
      const kinds = [ENDLESS, "select 1 as v", "update tb_users set name = name where id = 1001"].flatMap((text) =>
        Array.from({ length: 4 }, () => kindOf(other.runForeign({ text, values: [] }))),
      );
      await pause(100);
      const held = other.pools().map(({ busy }) => busy);
      await other.close();
      assert.deepEqual(held, [1, 4]);
      assert.deepEqual(new Set(await Promise.all(kinds)), new Set(["failed", "unavailable"]));
      assert.deepEqual(
        other.pools().map(({ busy, waiting }) => busy + waiting),
        [0, 0],
      );
    });

    test("a column that is added is seen at once", async () => {
      await run("select * from tb_pinless");
      await foreign("alter table tb_pinless add column extra integer");
      assert.deepEqual((await run("select * from tb_pinless")).columns, ["id", "userid", "number", "extra"]);
    });
  }
});
