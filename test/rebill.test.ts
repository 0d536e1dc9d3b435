/** A rebill changes each record and credit once, by the difference of the prices, also when it is repeated or cut off. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Database, Session } from "../engine/database/database.js";
import { eachDatabase, restoreSample } from "./databases.js";
import { startProcess } from "./process.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

type Values = (string | number | null)[];

interface Call {
  callerid?: number;
  calledid?: number;
  callednumber?: string;
  duration?: number;
  realduration?: number;
  cost?: string;
  currency?: string;
  mark?: string | null;
}

const ADDED = `insert into tb_cdrs (datum, callerid, calledid, callednumber, duration, realduration, cost, costenduser, currency,
  sipcallid, mark) values ('2026-01-15 12:00:00', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

let calls = 0;

/** Of alice to a Hungarian mobile phone, 61 s, which cost nothing yet; its price is 0.088. */
async function addCall(session: Session, call: Call = {}): Promise<number> {
  const { callerid = 1001, calledid = 0, callednumber = "36301234567", duration = 61, realduration = 0 } = call;
  const { cost = "0", currency = "USD", mark = null } = call;
  calls += 1;
  const callId = `c${calls}@192.0.2.1`;
  const values = [callerid, calledid, callednumber, duration, realduration, cost, cost, currency, callId, mark];
  const { insertId } = await session.run({ text: ADDED, values });
  return insertId;
}

const JANUARY = { fromdate: "2026-01-01", todate: "2026-01-31" };

eachDatabase("rebill", (fresh) => {
  let server: TestServer;
  let database: Database;
  before(async () => {
    server = await startTestServer(await fresh());
    database = server.engine.services.database;
  });
  after(() => server.stop());
  beforeEach(() => restoreSample(database, [ADMIN.username]));

  const rows = async (text: string, values: Values = []) => (await database.run({ text, values })).rows;
  const creditOf = async (id: number) => (await rows("select credit from tb_users where id = ?", [id]))[0]?.["credit"];
  const costOf = async (id: number) => (await rows("select cost from tb_cdrs where id = ?", [id]))[0]?.["cost"];
  const rebill = (extra = {}) => server.get("rebill", as(ADMIN.username, { ...JANUARY, ...extra }));
  const assertProvable = async () => assert.match(await server.get("checkcredits", as(ADMIN.username)), /^OK: 0 rows/);

  const cases: [title: string, call: Call, cost: string, credit: string][] = [
    ["that cost nothing yet", {}, "0.088", "9.912"],
    ["that was too dear", { cost: "0.1" }, "0.088", "10.012"],
    ["that is right", { cost: "0.088" }, "0.088", "10"],
    ["that was not answered, and was charged", { duration: 0, cost: "0.1" }, "0", "10.1"],
    ["of which less was spoken than it lasted", { duration: 61, realduration: 60 }, "0.08", "9.92"],
    ["whose number is in the national form", { callednumber: "06301234567" }, "0.088", "9.912"],
    ["among users, which has its own price", { calledid: 1002, cost: "0.5" }, "0.5", "10"],
    ["through a trunk", { calledid: 1030 }, "0.088", "9.912"],
    ["without a rate", { callednumber: "999123", cost: "0.5" }, "0.5", "10"],
    ["with a price in another currency", { callednumber: "38971000000", cost: "0.5" }, "0.5", "10"],
    ["that is a message", { mark: "SMS", cost: "0.5" }, "0.5", "10"],
    ["by a reseller's price", { callerid: 1002, duration: 61 }, "0.06", "10"],
    ["that the credit does not cover", { duration: 36_000 }, "0", "10"],
  ];
  describe("a call", () => {
    for (const [title, call, cost, credit] of cases)
      test(title, async () => {
        const id = await addCall(database, call);
        for (let time = 0; time < 2; time += 1) {
          assert.match(await rebill(), /^OK: /);
          assert.deepEqual([await costOf(id), await creditOf(1001)], [cost, credit]);
        }
        await assertProvable();
      });
  });

  test("both legs of a pair are priced, each by its own number and time", async () => {
    const first = await addCall(database, { callednumber: "3612345678", duration: 90 });
    const second = await addCall(database, { callednumber: "447700900123", duration: 61 });
    assert.match(await rebill(), /^OK: 2 calls, 2 priced anew, 1 accounts corrected, costs changed by 0\.32 USD$/);
    assert.deepEqual([await costOf(first), await costOf(second), await creditOf(1001)], ["0.03", "0.29", "9.68"]);
  });

  test("the ledger has one row for an account and batch, the new prices less the old ones", async () => {
    for (const cost of ["0", "0.1", "0.05"]) await addCall(database, { cost });
    await addCall(database, { callerid: 1005 });
    await Promise.all([rebill(), rebill(), rebill()]);
    const booked = await rows("select userid, amount, reference from tb_ledger where kind = 'rebill' order by userid");
    assert.deepEqual(
      booked.map(({ userid, amount }) => [userid, amount]),
      [
        [1001, "-0.114"],
        [1005, "-0.088"],
      ],
    );
    assert.match(String(booked[0]?.["reference"]), /^3 calls, \d+ to \d+$/);
    await assertProvable();
  });

  test("a price and a cost that a statement of somebody else has left with more places are amounts", async () => {
    const id = await addCall(database, { duration: 60 });
    await database.run({ text: "update tb_cdrs set cost = 0.1 / 3.0 where id = ?", values: [id] });
    await database.run({ text: "update tb_billentries set price = 0.2 / 3.0 where prefix = '3630'", values: [] });
    await server.engine.services.rates.refresh(true);
    assert.match(await server.get("rating", as("alice", { bnum: "3630" })), /^0\.066667 USD, /);
    assert.match(await rebill(), /^OK: 1 calls, 1 priced anew, 1 accounts corrected, costs changed by 0\.033334 USD$/);
    assert.deepEqual([await costOf(id), await creditOf(1001)], ["0.066667", "9.966666"]);
    await assertProvable();
    await restoreSample(database, [ADMIN.username]);
    await server.engine.services.rates.refresh(true);
  });

  test("who has too little credit is told, and pays at the next rebill once there is enough", async () => {
    const id = await addCall(database, { duration: 36_000 });
    await addCall(database, { callerid: 1005 });
    const left = "1 left: the credit does not cover it";
    assert.match(await rebill({ checkwarnings: "1" }), /\t36000\t0\t0\tUSD\tthe credit does not cover it\n/);
    assert.equal(
      await rebill(),
      `OK: 2 calls, 1 priced anew, 1 accounts corrected, costs changed by 0.088 USD; ${left}`,
    );
    await server.get("addcredit", as(ADMIN.username, { targetuser: "alice", credit: "100" }));
    assert.match(await rebill(), /^OK: 2 calls, 1 priced anew, .* by 48 USD$/);
    assert.deepEqual([await costOf(id), await creditOf(1001)], ["48", "62"]);
  });

  test("a dry run shows what the run then does", async () => {
    for (let index = 0; index < 3; index += 1)
      await addCall(database, { duration: 2_400, callednumber: "447700900123" });
    const { rows: shown = [] } = await server.json("rebill", as(ADMIN.username, { ...JANUARY, checkwarnings: "1" }));
    assert.deepEqual(
      shown.map(({ newcost, warning }) => [newcost, warning]),
      Array.from({ length: 3 }, () => ["0", "the credit does not cover it"]),
    );
    assert.match(await rebill(), /^OK: 3 calls, 0 priced anew, .*; 3 left: the credit does not cover it$/);
  });
});

const CALLS = 1_000;

eachDatabase("rebill that is killed", (fresh) => {
  test("has changed whole batches only, and ends when it is started again", async (t) => {
    const address = await fresh();
    const setup = await startTestServer(address);
    t.after(() => setup.stop());
    await setup.engine.services.database.transaction(async (session) => {
      for (let index = 0; index < CALLS; index += 1) await addCall(session, { duration: 1 + (index % 6) });
    });
    await setup.stop();
    await rebillUntilKilled(address, t);
    const server = await startTestServer(address);
    t.after(() => server.stop());
    const admin = () => as(ADMIN.username);
    assert.match(await server.get("checkcredits", admin()), /^OK: 0 rows/);
    const sums = async () => {
      const { rows } = await server.engine.services.database.run({
        text: `select (select sum(cost) from tb_cdrs where datum < '2026-02-01') as costs,
          (select sum(amount) from tb_ledger where kind = 'rebill') as booked`,
        values: [],
      });
      return [Number(rows[0]?.["costs"]), -Number(rows[0]?.["booked"] ?? 0)];
    };
    const [costs, booked] = await sums();
    assert.equal(costs, booked);
    assert.match(await server.get("rebill", { ...admin(), ...JANUARY }), /^OK: 1000 calls, /);
    assert.deepEqual(await sums(), [8, 8]);
    assert.match(await server.get("checkcredits", admin()), /^OK: 0 rows/);
  });
});

/** Kills the server when the first batch is booked; what it did until then depends on the moment. */
async function rebillUntilKilled(address: string, t: TestContext): Promise<void> {
  const server = await startProcess(address);
  t.after(() => server.kill());
  const send = (entry: string, extra = {}) => server.get(entry, as(ADMIN.username, extra));
  await send("addcredit", { targetuser: "alice", credit: "100" });
  const running = send("rebill", JANUARY);
  const booked = "select count(*) as n from tb_ledger where kind = 'rebill'";
  while (!/\n[1-9]/.test(await send("db", { sql: booked }))) await pause(1);
  await server.kill();
  await running;
}
