/** A card payment is booked once or dropped, whatever happens on the way; a card is nowhere to be found afterwards. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Database } from "../engine/database/database.js";
import { eachDatabase, openMigrated, restoreSample } from "./databases.js";
import { CARDS, GATEWAY_KEY, type Gateway, startGateway } from "./gateway.js";
import { startProcess } from "./process.js";
import { ADMIN, as, type Params, startTestServer, type TestServer } from "./server.js";

const CVV = "739";
const CARD = { cardnum: CARDS.good, expireyear: "30", expmonth: "12", ccv2: CVV, ammount: "5" };

eachDatabase("card payments", (fresh) => {
  let gateway: Gateway;
  let address: string;
  let server: TestServer;
  let database: Database;
  const options = () => ({
    TBAPI_PAYMENTURL: gateway.url,
    TBAPI_PAYMENTKEY: GATEWAY_KEY,
    TBAPI_PAYMENTTIMEOUT: "1",
    TBAPI_LIMITPIN: "1000",
  });
  before(async () => {
    gateway = await startGateway();
    address = await fresh();
    server = await startTestServer(address, options());
    database = server.engine.services.database;
  });
  after(() => Promise.all([server.stop(), gateway.stop()]));
  beforeEach(() => restoreSample(database, [ADMIN.username]));

  const rows = async (text: string) => (await database.run({ text, values: [] })).rows;
  const pay = (cardnum: string, extra: Params = {}) =>
    server.get("cccharge", as("alice", { ...CARD, cardnum, ...extra }));
  const credit = async () => (await rows("select credit from tb_users where id = 1001"))[0]?.["credit"];
  const states = async () => (await rows("select state from tb_payments order by id")).map(({ state }) => state);
  const assertBooked = async (times: number) => {
    assert.equal(await credit(), String(10 + 5 * times));
    assert.deepEqual(await rows("select count(*) as n from tb_ledger where kind = 'card'"), [{ n: times }]);
    assert.match(await server.get("checkcredits", as(ADMIN.username)), /^OK: 0 rows/);
  };
  /** Lets the outbox look up what is pending without its pauses, until nothing is left of it. */
  const lookUp = async () => {
    for (;;) {
      await database.run({
        text: "update tb_outbox set nexttry = '2000-01-01 00:00:00' where state = 'waiting'",
        values: [],
      });
      server.engine.services.outbox.wake();
      if ((await rows("select id from tb_outbox where kind = 'payments.lookup'")).length === 0) return;
      await pause(20);
    }
  };
  const PENDING =
    /^ERROR: not available: the payment gateway has not decided yet; payment [0-9a-f-]{36} is booked as soon as/;

  test("an approved payment is booked once, and its look-up changes nothing", async () => {
    assert.equal(await pay(CARDS.good), "OK: 5 added, the credit is 15");
    await lookUp();
    await assertBooked(1);
  });

  test("a declined payment books nothing and gives its key back", async () => {
    const key = { idempotencykey: "order-1" };
    assert.match(await pay(CARDS.declined, key), /^ERROR: failed: the card was declined: /);
    assert.equal(await pay(CARDS.good, key), "OK: 5 added, the credit is 15");
    assert.deepEqual(await states(), ["declined", "booked"]);
    await assertBooked(1);
  });

  for (const card of ["slow", "cut", "broken", "pending"] as const)
    test(`a payment whose answer is lost (${card}) is booked by looking it up, once`, async () => {
      assert.match(await pay(CARDS[card], { idempotencykey: "order-2" }), PENDING);
      await assertBooked(0);
      for (let more = 0; more < 3; more += 1)
        await database.run({
          text: "insert into tb_outbox (kind, body, nexttry, entry, userid) select kind, body, nexttry, entry, userid from tb_outbox limit 1",
          values: [],
        });
      await lookUp();
      await assertBooked(1);
      assert.equal(await pay(CARDS[card], { idempotencykey: "order-2" }), "OK: 5 added, the credit is 15");
      await assertBooked(1);
    });

  test("a payment that was looked up in vain is told apart from one that may still be booked", async () => {
    assert.match(await pay(CARDS.lost, { idempotencykey: "order-4" }), PENDING);
    await database.run({ text: "update tb_outbox set tries = 199, nexttry = '2000-01-01 00:00:00'", values: [] });
    server.engine.services.outbox.wake();
    while ((await states())[0] === "pending") await pause(20);
    assert.match(
      await pay(CARDS.good, { idempotencykey: "order-4" }),
      /^ERROR: failed: the payment gateway never told of payment [0-9a-f-]{36}; ask before you pay again$/,
    );
    await assertBooked(0);
  });

  test("a payment that never reached the gateway is dropped, once that is certain", async () => {
    assert.match(await pay(CARDS.lost), PENDING);
    server.engine.services.outbox.wake();
    await pause(100);
    assert.deepEqual(await states(), ["pending"]);
    await database.run({ text: "update tb_payments set datum = '2026-01-01 00:00:00'", values: [] });
    await lookUp();
    assert.deepEqual(await states(), ["declined"]);
    await assertBooked(0);
  });

  test("ten requests with one key at once are one payment, and are answered alike", async () => {
    const before = Object.keys(await gateway.charges()).length;
    const answers = await Promise.all(Array.from({ length: 10 }, () => pay(CARDS.good, { idempotencykey: "order-3" })));
    assert.deepEqual([...new Set(answers)], ["OK: 5 added, the credit is 15"]);
    assert.equal(Object.keys(await gateway.charges()).length, before + 1);
    assert.match(
      await pay(CARDS.good, { idempotencykey: "order-3", ammount: "6" }),
      /^ERROR: conflict: this idempotencykey /,
    );
    assert.match(await pay(CARDS.good, { idempotencykey: "ORDER-3" }), /^ERROR: conflict: this idempotencykey /);
    await assertBooked(1);
  });

  test("a server that is killed while the gateway decides books the payment after its start", async (t) => {
    const other = await startProcess(address, options());
    t.after(() => other.kill());
    const paid = async () => Object.keys(await gateway.charges()).length;
    const before = await paid();
    const paying = other.get("cccharge", as("alice", { ...CARD, cardnum: CARDS.slow }));
    while ((await paid()) === before) await pause(5);
    await other.kill();
    assert.equal(await paying, "");
    await lookUp();
    assert.deepEqual(await states(), ["booked"]);
    await assertBooked(1);
  });

  const refused: [title: string, change: Params, answer: RegExp][] = [
    ["letters for a number", { cardnum: "4111abcd11111111" }, /cardnum must be a card number/],
    ["a number that is too short", { cardnum: "411111111111" }, /cardnum must be/],
    ["no number", { cardnum: "" }, /cardnum is missing/],
    ["the thirteenth month", { expmonth: "13" }, /expmonth and expireyear must be/],
    ["a year that is over", { expireyear: "2024" }, /expmonth and expireyear must be/],
    ["a security code of two digits", { ccv2: "12" }, /ccv2 must be the 3 digits/],
    ["three digits where a card has four", { cardnum: "378282246310005" }, /ccv2 must be the 4 digits/],
    ["nothing to pay", { ammount: "0" }, /ammount must be an amount above 0/],
    ["a tenth of a cent", { ammount: "1.001" }, /ammount must be above 0, with two places at most/],
  ];
  describe("refused before the gateway is asked:", () => {
    for (const [title, sent, answer] of refused)
      test(title, async () => {
        const text = await pay(sent["cardnum"] ?? CARDS.good, sent);
        assert.match(text, answer);
        assert.match(text, /^ERROR: wrong parameter: /);
        assert.deepEqual(await states(), []);
      });
  });

  test("no card is in the database or the log, whatever became of the payment", async (t) => {
    const other = await startProcess(address, { ...options(), TBAPI_LOGLEVEL: "trace" });
    t.after(() => other.kill());
    const cards = Object.values(CARDS);
    for (const cardnum of cards) assert.notEqual(await other.get("cccharge", as("alice", { ...CARD, cardnum })), "");
    await other.get("cccharge", as("alice", { ...CARD, cardnum: "4111111111111112", idempotencykey: "order-9" }));
    await pause(2_500);
    const traces = [other.log(), await wholeDatabase(database)];
    assert.ok(traces.every((trace) => trace.length > 1_000));
    for (const secret of [...cards, "4111111111111112", `"${CVV}"`, GATEWAY_KEY])
      for (const trace of traces) assert.ok(!trace.includes(secret), secret);
  });
});

/** Every cell of every table. */
async function wholeDatabase(database: Database): Promise<string> {
  const tables = [...(await database.schema()).keys()].filter((name) => name.startsWith("tb_"));
  const contents = await Promise.all(
    tables.map((table) => database.run({ text: `select * from ${table}`, values: [] })),
  );
  return JSON.stringify(contents.map(({ rows }) => rows));
}

eachDatabase("card payments without a gateway", (fresh) => {
  const cases: [title: string, options: Params, answer: RegExp][] = [
    ["nothing is set", {}, /not configured: card payments are not set up: set paymenturl and paymentkey, /],
    [
      "the key is missing",
      { TBAPI_PAYMENTURL: "https://pay.example" },
      /set paymentkey, the key that the payment gateway gave you/,
    ],
    [
      "the address is not secret enough",
      { TBAPI_PAYMENTURL: "http://pay.example", TBAPI_PAYMENTKEY: "k" },
      /begins with https:\/\//,
    ],
    ["the address is none", { TBAPI_PAYMENTURL: "pay.example", TBAPI_PAYMENTKEY: "k" }, /begins with https:\/\//],
  ];
  for (const [title, options, answer] of cases)
    test(title, async (t: TestContext) => {
      const address = await fresh();
      const server = await startTestServer(address, options);
      t.after(() => server.stop());
      assert.match(await server.get("cccharge", as("alice", CARD)), answer);
      const database = await openMigrated(address);
      t.after(() => database.close());
      assert.deepEqual((await database.run({ text: "select count(*) as n from tb_payments", values: [] })).rows, [
        { n: 0 },
      ]);
    });
});
