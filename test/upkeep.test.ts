/** Maintenance: what is removed, in small batches, and what stays. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

eachDatabase("upkeep", (fresh) => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer(await fresh(), {
      TBAPI_RETAINCDRS: "30",
      TBAPI_RETAINHISTORY: "30",
      TBAPI_RETAINSMS: "30",
    });
  });
  after(() => server.stop());
  const admin = (entry: string, params = {}) => server.get(entry, as(ADMIN.username, params));
  const run = async (text: string) => (await server.engine.services.database.run({ text, values: [] })).rows;

  test("call records beyond retaincdrs go in batches, and the ledger stays", async () => {
    const row = "select '2020-01-01 00:00:00' as datum, 'x' as comment";
    const ten = `(${Array.from({ length: 10 }, () => "select 1 as n").join(" union all ")})`;
    await run(
      `insert into tb_cdrs (datum, comment) select r.datum, r.comment from (${row}) r, ${ten} a, ${ten} b, ${ten} c`,
    );
    await run(
      `insert into tb_cdrs (datum, comment) select r.datum, r.comment from (${row}) r, ${ten} a, ${ten} b, ${ten} c`,
    );
    await run("update tb_ledger set datum = '2020-01-01 00:00:00'");
    const [kept] = await run("select count(*) as n from tb_cdrs where comment is null and datum > '2020-01-02'");
    const [ledger] = await run("select count(*) as n from tb_ledger");
    assert.match(await admin("monthlymaint"), /^OK: 200[01] call records and 0 messages removed/);
    assert.ok(Number((await run("select count(*) as n from tb_cdrs"))[0]?.["n"]) >= Number(kept?.["n"]) - 1);
    assert.deepEqual(await run("select count(*) as n from tb_ledger"), [ledger]);
  });

  test("messages beyond retainsms go with their parts, but none that is still to be sent", async () => {
    for (const [status, age] of [
      ["sent", "2020-01-01 00:00:00"],
      ["queued", "2020-01-01 00:00:00"],
      ["sent", "2099-01-01 00:00:00"],
    ]) {
      await run(`insert into tb_sms (direction, status, datum) values ('out', '${status}', '${age}')`);
      await run("insert into tb_smsparts (smsid, part, providerid) select max(id), 1, '' from tb_sms");
    }
    assert.match(await admin("monthlymaint"), /^OK: \d+ call records and 1 messages removed/);
    const left = await run(
      "select s.status as status from tb_smsparts p left join tb_sms s on s.id = p.smsid order by s.id",
    );
    assert.deepEqual(
      left.map(({ status }) => status),
      ["queued", "sent"],
    );
  });

  test("the history of definitions keeps what is in force", async () => {
    const sql = (text: string) => admin("db", { sql: text });
    await sql("insert into tb_api (fname, req_user, customsql) values ('kept', 12, 'select 1 as v')");
    assert.match(await admin("apireload"), /^OK/);
    for (const v of [2, 3]) {
      await sql(`update tb_api set customsql = 'select ${v} as v' where fname = 'kept'`);
      assert.match(await admin("apireload"), /^OK/);
    }
    await run("update tb_apihistory set datum = '2020-01-01 00:00:00'");
    assert.match(await admin("weeklymaint"), /^OK: 0 records of changes and 2 old definitions removed/);
    assert.match(await admin("apireload"), /nothing changed/);
    assert.match(await server.get("kept", as("alice")), /v\n3/);
  });

  test("dbrsttgs brings a trigger back that was dropped", async (t) => {
    if (server.engine.services.database.dialect !== "sqlite") return t.skip("MariaDB needs no triggers");
    await run("drop trigger tb_billentries_changed");
    assert.match(await admin("dbrsttgs"), /^OK: 2 triggers made again/);
    const [before] = await run("select changed from tb_billentries where prefix = '36'");
    await run("update tb_billentries set price = 0.03 where prefix = '36'");
    assert.notDeepEqual(await run("select changed from tb_billentries where prefix = '36'"), [before]);
  });

  test("statistics are told for tables whose names need no quotes only", async () => {
    await run('create table "tb_odd name" (id integer)');
    const answer = await admin("finetune");
    assert.match(answer, /\ntb_users\t/);
    assert.doesNotMatch(answer, /odd/);
  });
});
