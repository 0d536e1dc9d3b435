/** Backups that can be trusted: what they hold, what is refused, and that a restore never leaves half. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import mysql from "mysql2/promise";
import type { Database } from "../engine/database/database.js";
import { openDatabase } from "../engine/database/open.js";
import { makeLog } from "../engine/log.js";
import { copierOf } from "../engine/storage/copier.js";
import { eachDatabase, freshMariaDb, freshSqlite, startMariaDb } from "./databases.js";
import { ADMIN, as, KEY, type Params, startTestServer, type TestServer } from "./server.js";

const log = makeLog("silent");
const open = (address: string): Promise<Database> => openDatabase(address, { timeout: () => 5_000, log });

/** Every row of every table, in one order. */
async function contents(database: Database): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for (const [table, columns] of await database.schema()) {
    const order = columns.map(({ name }) => `"${name}"`).join(", ");
    all[table] = (await database.run({ text: `select * from ${table} order by ${order}`, values: [] })).rows;
  }
  return all;
}

eachDatabase("storage", (fresh, dialect) => {
  let server: TestServer;
  let address: string;
  const admin = (entry: string, params: Params = {}) => server.get(entry, as(ADMIN.username, params));
  const nameOf = async (id: number) => {
    const { rows } = await server.engine.services.database.run({
      text: "select name from tb_users where id = ?",
      values: [id],
    });
    return rows[0]?.["name"];
  };
  const rename = (name: string) =>
    server.engine.services.database.run({ text: "update tb_users set name = ? where id = 1001", values: [name] });
  const folder = () => server.engine.services.settings.current.backuproot;

  before(async () => {
    address = await fresh();
    server = await startTestServer(address);
  });
  after(() => server.stop());

  test("a backup holds every row, and can be put into a database that is empty", async (t) => {
    await rename('Zoë \u{1f600} O\'Neil\\ "x"\n');
    assert.match(await admin("dbbackup", { path: "whole" }), /^OK/);
    const elsewhere = await fresh();
    const file = (await readdir(folder())).find((name) => /^whole\.sql/.test(name)) ?? "";
    await copierOf(elsewhere, log).load(join(folder(), file));
    const copy = await open(elsewhere);
    t.after(() => copy.close());
    const [there, here] = [await contents(copy), await contents(server.engine.services.database)];
    // Written after the backup.
    for (const table of ["tb_audit", "tb_throttle"]) for (const all of [there, here]) delete all[table];
    assert.ok(Object.keys(here).length > 20);
    assert.deepEqual(there, here);
  });

  test("a restore brings the data and the definitions back, and keeps what was there", async () => {
    await rename("Before");
    assert.match(await admin("dbbackup", { path: "old" }), /^OK/);
    const sql = "insert into tb_api (fname, req_user, customsql) values ('later', 12, 'select 1 as one')";
    assert.match(await admin("db", { sql }), /^OK/);
    assert.match(await admin("apireload"), /added: later/);
    await rename("After");
    const generation = server.engine.services.registry.current.generation;
    const safety = /kept as (\S+)/.exec(await admin("dbrestore", { path: "old" }))?.[1] ?? "";
    assert.equal(await nameOf(1001), "Before");
    assert.match(await server.get("later", as("alice")), /^ERROR: unknown entry/);
    assert.ok(server.engine.services.registry.current.generation > generation, "other servers have to load it");
    assert.match(await admin("dbrestore", { path: safety }), /^OK/);
    assert.equal(await nameOf(1001), "After");
    assert.match(await server.get("later", as("alice")), /^OK: 1 rows/);
  });

  test("a restore holds back messages that may have been sent since, and no changes", async () => {
    const { database, outbox } = server.engine.services;
    await server.engine.outbox.stop();
    await database.run({
      text: "insert into tb_outbox (kind, body, state, nexttry, entry) values ('email', '{}', 'waiting', '2099-01-01 00:00:00', 'x'), ('sql', '{}', 'waiting', '2099-01-01 00:00:00', 'x')",
      values: [],
    });
    assert.match(await admin("dbbackup", { path: "queue" }), /^OK/);
    assert.match(await admin("dbrestore", { path: "queue" }), /^OK/);
    assert.deepEqual(await outbox.counts(), { waiting: 1, failed: 1 });
    await database.run({ text: "delete from tb_outbox", values: [] });
  });

  test("what is no sound backup of this project is refused, and nothing changes", async (t) => {
    await rename("Kept");
    assert.match(await admin("dbbackup", { path: "sample" }), /^OK/);
    const manifest = JSON.parse(await readFile(join(folder(), "sample.json"), "utf8"));
    const ending = manifest.file.slice("sample".length);
    const data = await readFile(join(folder(), manifest.file));
    const sha = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    const script = gzipSync("create table tb_users (id int); insert into tb_users values (1); selec nonsense;");
    const broken = dialect === "sqlite" ? Buffer.concat([data.subarray(0, 100), Buffer.alloc(9_000, 7)]) : script;
    const strange = dialect === "sqlite" ? Buffer.from("no database at all") : gzipSync("create table other (id int);");
    const cases: [string, Buffer, object, RegExp][] = [
      ["changed", Buffer.concat([data, Buffer.from("x")]), {}, /^ERROR: failed: .*checksum/],
      ["foreign", data, { project: "other" }, /^ERROR: not found: /],
      ["elsewhere", data, { file: "../sample.sqlite" }, /^ERROR: not found: /],
      ["newer", data, { migration: "9999-future" }, /^ERROR: conflict: .*newer version/],
      ["othersort", data, { dialect: dialect === "sqlite" ? "mariadb" : "sqlite" }, /^ERROR: conflict: /],
      ["broken", broken, { sha256: sha(broken) }, /^ERROR: failed: (?!internal)/],
      ["strange", strange, { sha256: sha(strange) }, /^ERROR: failed: (?!internal)/],
    ];
    for (const [name, bytes, changes, expected] of cases)
      await t.test(name, async () => {
        await writeFile(join(folder(), name + ending), bytes);
        const about = { ...manifest, file: name + ending, ...changes };
        await writeFile(join(folder(), `${name}.json`), JSON.stringify(about));
        assert.match(await admin("dbrestore", { path: name }), expected);
        assert.equal(await nameOf(1001), "Kept");
        assert.match(await server.get("balance", as("alice")), /^Your credit is/);
      });
  });

  test("what a backup holds is settled before anybody sees it", async (t) => {
    const { database } = server.engine.services;
    const waiting =
      "insert into tb_outbox (kind, body, state, nexttry, entry) values ('email', '{}', 'waiting', '2099-01-01 00:00:00', 'seen')";
    await database.run({ text: waiting, values: [] });
    assert.match(await admin("dbbackup", { path: "seen" }), /^OK/);
    await database.run({ text: "delete from tb_outbox", values: [] });
    const onlooker = await open(address);
    t.after(() => onlooker.close());
    const states = new Set<unknown>();
    let restoring = true;
    const looking = (async () => {
      while (restoring) {
        const { rows } = await onlooker.run({ text: "select state from tb_outbox where entry = 'seen'", values: [] });
        for (const { state } of rows) states.add(state);
        await pause(1);
      }
    })();
    const restored = await admin("dbrestore", { path: "seen" });
    restoring = false;
    await looking;
    assert.match(restored, /^OK/);
    assert.deepEqual(
      [...states].filter((state) => state !== "failed"),
      [],
    );
    await database.run({ text: "delete from tb_outbox", values: [] });
  });

  test("a backup of an older version is brought up to date, and served at once", async (t) => {
    await rename("Old times");
    assert.match(await admin("dbbackup", { path: "present" }), /^OK/);
    const manifest = JSON.parse(await readFile(join(folder(), "present.json"), "utf8"));
    const elsewhere = await fresh();
    await copierOf(elsewhere, log).load(join(folder(), manifest.file));
    const older = await open(elsewhere);
    t.after(() => older.close());
    await older.run({ text: "alter table tb_apigeneration drop column settings", values: [] });
    await older.run({ text: "delete from tb_migrations where name >= '0023'", values: [] });
    const file = manifest.file.replace("present", "older");
    await copierOf(elsewhere, log).dump(join(folder(), file));
    const sha256 = createHash("sha256")
      .update(await readFile(join(folder(), file)))
      .digest("hex");
    await writeFile(join(folder(), "older.json"), JSON.stringify({ ...manifest, file, sha256, migration: "0017-sms" }));
    await rename("New times");
    assert.match(await admin("dbrestore", { path: "older" }), /^OK/);
    assert.equal(await nameOf(1001), "Old times");
    assert.match(await admin("reload"), /^OK: no option changed/);
    assert.match(await server.get("balance", as("alice")), /^Your credit is/);
  });

  test("a backup whose settings can't be used is refused", async () => {
    const { database, settings } = server.engine.services;
    await rename("Sound");
    await database.run({ text: "insert into tb_settings (name, val) values ('nosuchoption', '1')", values: [] });
    assert.match(await admin("dbbackup", { path: "unusable" }), /^OK/);
    await database.run({ text: "delete from tb_settings where name = 'nosuchoption'", values: [] });
    assert.match(await admin("dbrestore", { path: "unusable" }), /^ERROR: failed: .*nosuchoption/);
    assert.equal(await nameOf(1001), "Sound");
    assert.deepEqual(await settings.reload(), []);
  });

  test("requests during a restore are served or told to try again, and a change that was answered is there or was undone whole", async () => {
    assert.match(await admin("dbbackup", { path: "busy" }), /^OK/);
    const answers: string[] = [];
    let restoring = true;
    const callers = ["alice", "bob", "rita"].map(async (name) => {
      while (restoring)
        answers.push(await server.get("transfercredit", as(name, { username: "erin", credit: "0.01" })));
    });
    const restored = await admin("dbrestore", { path: "busy" });
    restoring = false;
    await Promise.all(callers);
    assert.match(restored, /^OK/);
    for (const answer of answers) assert.match(answer, /^(OK: |ERROR: not available: )/);
    assert.ok(answers.some((answer) => /being restored/.test(answer)));
    assert.match(await admin("checkcredits"), /^OK: 0 rows/);
  });

  test("the oldest backups beyond retainbackups are removed, and what one that was cut off has left", async () => {
    await writeFile(join(folder(), ".young.part"), "");
    await writeFile(join(folder(), ".old.part.new"), "");
    await utimes(join(folder(), ".old.part.new"), 1, 1);
    const { database, settings } = server.engine.services;
    await database.run({ text: "insert into tb_settings (name, val) values ('retainbackups', '2')", values: [] });
    await settings.reload();
    for (const path of ["one", "two", "three"]) assert.match(await admin("dbbackup", { path }), /^OK/);
    const left = (await readdir(folder())).filter((name) => /^(one|two|three)\.json$/.test(name)).sort();
    assert.deepEqual(left, ["three.json", "two.json"]);
    assert.match(await admin("dbbackup", { path: "two" }), /^ERROR: conflict: /);
    assert.deepEqual(
      (await readdir(folder())).filter((name) => name.startsWith(".")),
      [".young.part"],
    );
  });

  test("the change to the other database and back takes the data along that were copied", async () => {
    assert.match(await admin("dbfailover", { withrestore: "1" }), /^OK: database 2 is in use now/);
    await rename("On two");
    assert.match(await admin("dbfailover", { checkonly: "1" }), /\n2\tin use\t/);
    assert.match(await admin("dbfailover", { forcedbnum: "1" }), /^OK: database 1 is in use now/);
    assert.notEqual(await nameOf(1001), "On two");
    assert.match(await admin("dbfailover"), /^OK: database 2/);
    assert.equal(await nameOf(1001), "On two");
    assert.match(await server.get("balance", as("alice")), /^Your credit is/);
  });
});

test("without a second database its entries say what to set", async (t) => {
  const server = await startTestServer(await freshSqlite(), { TBAPI_DB2: "" });
  t.after(() => server.stop());
  for (const entry of ["tbackup", "dbfailover"])
    assert.match(await server.get(entry, as(ADMIN.username)), /^ERROR: not configured: set db2 /);
});

test("a server whose database is gone changes over to the second one", async (t) => {
  const [first, second] = [await startMariaDb(), await startMariaDb()];
  const db2 = await freshMariaDb(second);
  const server = await startTestServer(await freshMariaDb(first), { TBAPI_DB2: db2 });
  t.after(async () => {
    await server.stop();
    await Promise.all([first.stop(), second.stop()]);
  });
  assert.match(await server.get("tbackup", as(ADMIN.username)), /^OK/);
  await first.stop();
  assert.match(await server.get("balance", as("alice")), /^ERROR: /);
  // No login can be checked without a database, but a trusted address with the key is an administrator.
  assert.match(await server.get("dbfailover", { authkey: KEY }), /^OK: database 2 is in use now/);
  assert.match(await server.get("balance", as("alice")), /^Your credit is \$10/);
  assert.match(await server.get("dbfailover", { authkey: KEY, forcedbnum: "1" }), /^ERROR: not available: database 1/);
  assert.match(await server.get("balance", as("alice")), /^Your credit is/);
});

test("what other servers write during a restore is in the copy that is kept, or in what was restored", async (t) => {
  const address = await freshMariaDb();
  const server = await startTestServer(address);
  const other = await open(address);
  t.after(() => Promise.all([server.stop(), other.close()]));
  const admin = (entry: string, params: Params) => server.get(entry, as(ADMIN.username, params));
  const written = async () =>
    (await other.run({ text: "select fromnumber from tb_sms", values: [] })).rows.map((row) =>
      Number(row["fromnumber"]),
    );
  assert.match(await admin("dbbackup", { path: "early" }), /^OK/);
  let count = 0;
  let restoring = true;
  const writing = (async () => {
    while (restoring) {
      await other.run({ text: "insert into tb_sms (fromnumber) values (?)", values: [count] });
      count += 1;
    }
  })();
  const kept = /kept as (\S+)/.exec(await admin("dbrestore", { path: "early" }))?.[1] ?? "";
  restoring = false;
  await writing;
  const after = await written();
  assert.match(await admin("dbrestore", { path: kept }), /^OK/);
  const numbers = [...(await written()), ...after].sort((one, two) => one - two);
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, index) => index),
  );
});

test("a second database that another server uses is neither copied over nor settled again", async (t) => {
  const first = await freshMariaDb();
  const [one, other] = [await startTestServer(first), await startTestServer(first)];
  t.after(() => Promise.all([one.stop(), other.stop()]));
  assert.match(await one.get("dbfailover", as(ADMIN.username, { withrestore: "1" })), /^OK: database 2/);
  const waiting =
    "insert into tb_outbox (kind, body, state, nexttry, entry) values ('email', '{}', 'waiting', '2099-01-01 00:00:00', 'x')";
  assert.match(await one.get("db", as(ADMIN.username, { sql: waiting })), /^OK/);
  assert.match(await other.get("tbackup", as(ADMIN.username)), /^ERROR: conflict: database 2 is in use by another/);
  assert.match(await other.get("dbfailover", as(ADMIN.username)), /^OK: database 2/);
  assert.deepEqual(await other.engine.services.outbox.counts(), { waiting: 1, failed: 0 });
});

test("what a restore that was cut off has left is not thrown away by the next one", async (t) => {
  const address = await freshMariaDb();
  const server = await startTestServer(address);
  const before = `${new URL(address).pathname.slice(1)}__tbapi_before`;
  const root = await mysql.createConnection({ uri: address });
  t.after(() => Promise.all([server.stop(), root.end()]));
  const admin = (entry: string) => server.get(entry, as(ADMIN.username, { path: "whole" }));
  assert.match(await admin("dbbackup"), /^OK/);
  await root.query(`create database ${before}`);
  await root.query(`create table ${before}.tb_users (id int)`);
  assert.match(await admin("dbrestore"), /^ERROR: conflict: the database tbapi_\w+__tbapi_before holds what was there/);
  await root.query(`drop database ${before}`);
  assert.match(await admin("dbrestore"), /^OK/);
});

test("a database whose password has every awkward sign is backed up and restored", async (t) => {
  const maria = await startMariaDb();
  const password = "p'a\"s\\s #;$(x) %";
  const root = await mysql.createConnection(maria.url);
  await root.query("create user 'own er'@'%' identified by ?", [password]);
  await root.query("grant all on *.* to 'own er'@'%'");
  await root.end();
  const url = new URL(await freshMariaDb(maria));
  url.username = "own er";
  url.password = encodeURIComponent(password);
  const server = await startTestServer(url.href);
  t.after(async () => {
    await server.stop();
    await maria.stop();
  });
  const admin = (entry: string, params: Params) => server.get(entry, as(ADMIN.username, params));
  assert.match(await admin("dbbackup", { path: "secret" }), /^OK/);
  assert.match(await admin("dbrestore", { path: "secret" }), /^OK/);
});
