/** SMS: paid once, refunded once, taken once; whatever comes twice, at once or in another order. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { receiveMessage } from "../actions/sms/inbound.js";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, KEY, type Params, startTestServer, type TestServer } from "./server.js";
import { startSmsGateway } from "./sms-gateway.js";
import {
  assertProvable,
  creditOf,
  idOf,
  restored,
  rowsOf,
  SECRET,
  setOptions,
  settled,
  statusOf,
  until,
} from "./sms-server.js";

const count = (answers: string[], start: string): number => answers.filter((it) => it.startsWith(start)).length;
const times = <T>(n: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, index) => make(index)));

interface ReportCase {
  title: string;
  statuses: string[];
  becomes: string;
  credit: string;
}

const REPORTS: ReportCase[] = [
  { title: "accepted, then delivered", statuses: ["8", "1"], becomes: "delivered", credit: "9.93" },
  { title: "delivered, then accepted", statuses: ["1", "8"], becomes: "delivered", credit: "9.93" },
  { title: "delivered twice", statuses: ["1", "1"], becomes: "delivered", credit: "9.93" },
  { title: "not delivered, three times", statuses: ["2", "2", "UNDELIV"], becomes: "failed", credit: "10" },
  { title: "refused, then delivered", statuses: ["16", "1"], becomes: "failed", credit: "10" },
  { title: "delivered, then not", statuses: ["DELIVRD", "EXPIRED"], becomes: "delivered", credit: "9.93" },
  { title: "buffered only", statuses: ["4", "ENROUTE"], becomes: "sent", credit: "9.93" },
];

eachDatabase("sms", (fresh) => {
  let server: TestServer;
  let gateway: Awaited<ReturnType<typeof startSmsGateway>>;
  const send = (params: Params = {}, entry = "sms") =>
    server.get(entry, as("alice", { anum: "Test", bnum: "36301234567", txt: "hi", ...params }));
  const messages = async () => Number((await rowsOf(server, "select count(*) as n from tb_sms"))[0]?.["n"]);
  const refunds = async () => (await rowsOf(server, "select id from tb_ledger where kind = 'refund'")).length;
  const report = (id: number, status: string) => server.get("smsdlr", { id: String(id), status, secret: SECRET });

  before(async () => {
    gateway = await startSmsGateway();
    server = await startTestServer(await fresh(), { TBAPI_SMSSECRET: SECRET });
  });
  after(async () => {
    await server.stop();
    gateway.stop();
  });
  beforeEach(async () => {
    await restored(server);
    gateway.asked.length = 0;
    Object.assign(gateway.state, { status: 200, body: "OK 1" });
    await setOptions(server, { smsurl: gateway.url, smsidpattern: "", smsrefund: "1", smsreporturl: "" });
  });

  test("20 at once with credit for 3: three go, the others are told, and all is in the ledger", async () => {
    await rowsOf(server, "update tb_billentries set price = 3 where billsourceid = 2");
    await server.engine.services.rates.refresh(true);
    const answers = await times(20, () => send());
    assert.equal(count(answers, "OK: queued"), 3);
    assert.equal(count(answers, "ERROR: no credit: "), 17);
    assert.equal(await creditOf(server, "alice"), "1");
    assert.equal(await messages(), 3);
    await settled(server);
    assert.equal(gateway.asked.length, 3);
    await assertProvable(server);
  });

  test("a price below nothing costs nothing and gives nothing", async () => {
    await rowsOf(server, "update tb_billentries set price = -1 where billsourceid = 2");
    await server.engine.services.rates.refresh();
    const answer = await send();
    assert.match(answer, /, cost: 0 USD$/);
    await settled(server);
    assert.equal(await report(idOf(answer), "2"), "OK: failed");
    assert.equal(await creditOf(server, "alice"), "10");
    await assertProvable(server);
  });

  test("a postpaid account pays of what it may use", async () => {
    await server.get("sms", as("carol", { bnum: "36301234567", txt: "hi" }));
    assert.equal(await creditOf(server, "carol"), "499.93");
    await assertProvable(server);
  });

  for (const [title, options, answer] of [
    ["no gateway", { smsurl: "" }, "ERROR: not configured: set smsurl or smpphost to send SMS"],
    [
      "an address without a place for the text",
      { smsurl: "http://127.0.0.1/?to={to}" },
      /^ERROR: not configured: smsurl /,
    ],
    ["a value in the host", { smsurl: "http://{to}.example/?to={to}&text={text}" }, /^ERROR: not configured: smsurl /],
    [
      "reports wanted, but nowhere to",
      { smsurl: "http://127.0.0.1/?to={to}&text={text}&d={dlr}" },
      /^ERROR: not configured: .*smsreporturl/,
    ],
  ] as const)
    test(`${title}: nothing is sent and nothing is paid`, async () => {
      await setOptions(server, options);
      const answered = await send();
      if (typeof answer === "string") assert.equal(answered, answer);
      else assert.match(answered, answer);
      assert.deepEqual([await creditOf(server, "alice"), await messages()], ["10", 0]);
    });

  test("a request with the same idempotencykey is sent and paid once; with another text it is refused", async () => {
    const answers = new Set(await times(8, () => send({ idempotencykey: "order-1" })));
    assert.equal(answers.size, 1);
    assert.match([...answers][0] ?? "", /^OK: queued/);
    assert.match(await send({ idempotencykey: "order-1", txt: "other" }), /^ERROR: conflict: /);
    await settled(server);
    assert.deepEqual([await creditOf(server, "alice"), gateway.asked.length], ["9.93", 1]);
  });

  test("a request that waits is answered as it was when it is repeated", async () => {
    const params = { idempotencykey: "order-2", message: "hi" };
    const first = await send(params, "sendsmssync");
    assert.match(first, /^OK: sent, id: /);
    assert.equal(await send(params, "sendsmssync"), first);
    gateway.state.body = "ERROR no such number";
    const refused = await send({ idempotencykey: "order-3" }, "sendsmssync");
    assert.match(refused, /^ERROR: failed: message \d+ was not delivered, its price is given back$/);
    assert.equal(await send({ idempotencykey: "order-3" }, "sendsmssync"), refused);
    assert.equal(gateway.asked.length, 2);
    await assertProvable(server);
  });

  test("the gateway gets each value whole, and none becomes part of its address", async () => {
    await send({ anum: "My Shop", txt: "a&to=1 +%#\n{id} é" });
    await settled(server);
    const [asked] = gateway.asked;
    const { id, ...sent } = Object.fromEntries(asked?.searchParams ?? []);
    assert.deepEqual(
      { ...sent, ref: "" },
      {
        user: "u",
        pw: "gateway-secret",
        from: "My Shop",
        to: "36301234567",
        text: "a&to=1 +%#\n{id} é",
        coding: "0",
        ref: "",
      },
    );
    assert.equal(id, undefined);
  });

  for (const [title, status, body] of [
    ["a status that refuses", 403, "wrong password"],
    ["a good status with a failure in the body", 200, "ERR: no route"],
  ] as const)
    test(`${title} gives the price back, once`, async () => {
      Object.assign(gateway.state, { status, body });
      const id = idOf(await send());
      await until(async () => (await statusOf(server, id)) === "failed");
      assert.deepEqual([await creditOf(server, "alice"), await refunds()], ["10", 1]);
      assert.match(await report(id, "2"), /^OK: /);
      assert.deepEqual([await creditOf(server, "alice"), await refunds()], ["10", 1]);
      await assertProvable(server);
    });

  test("a gateway that is down is tried again, and given up after the last try", async () => {
    Object.assign(gateway.state, { status: 503, body: "busy" });
    const id = idOf(await send());
    await until(
      async () => (await rowsOf(server, "select id from tb_outbox where tries = 1 and state = 'waiting'")).length === 1,
    );
    assert.deepEqual([await statusOf(server, id), await creditOf(server, "alice")], ["queued", "9.93"]);
    await rowsOf(server, "update tb_outbox set tries = 9, nexttry = '2000-01-01 00:00:00'");
    server.engine.outbox.wake();
    await until(async () => (await statusOf(server, id)) === "failed");
    assert.deepEqual([await creditOf(server, "alice"), await refunds()], ["10", 1]);
    await assertProvable(server);
  });

  test("an account that is gone gets no refund, and holds nothing up", async () => {
    const id = idOf(await send());
    await settled(server);
    await server.get("deluser", as(ADMIN.username, { u_username: "alice" }));
    assert.equal(await report(id, "2"), "OK: failed");
    assert.equal(await refunds(), 0);
  });

  for (const { title, statuses, becomes, credit } of REPORTS)
    test(`reports: ${title}`, async () => {
      const id = idOf(await send());
      await settled(server);
      for (const status of statuses) assert.match(await report(id, status), /^OK: /);
      assert.deepEqual([await statusOf(server, id), await creditOf(server, "alice")], [becomes, credit]);
      await assertProvable(server);
    });

  test("reports at once refund once", async () => {
    const id = idOf(await send());
    await settled(server);
    await times(10, () => report(id, "2"));
    assert.deepEqual([await creditOf(server, "alice"), await refunds()], ["10", 1]);
  });

  test("reports by the gateway's own id", async () => {
    await setOptions(server, { smsidpattern: "^OK (\\w+)" });
    gateway.state.body = "OK abc7";
    const id = idOf(await send());
    await settled(server);
    const byProvider = (secret: string) => server.get("smsdlr", { providerid: "abc7", status: "DELIVRD", secret });
    assert.equal(await byProvider("guess"), "ERROR: auth failed: wrong secret");
    assert.equal(await statusOf(server, id), "sent");
    assert.equal(await byProvider(SECRET), "OK: delivered");
    assert.equal(await statusOf(server, id), "delivered");
  });

  test("where the owner wants no refunds, what the network does not deliver stays paid", async () => {
    await setOptions(server, { smsrefund: "0" });
    const id = idOf(await send());
    await settled(server);
    await report(id, "2");
    assert.deepEqual([await statusOf(server, id), await creditOf(server, "alice")], ["failed", "9.93"]);
  });

  const receive = (params: Params) =>
    server.get("smsreceive", { authkey: KEY, from: "36301112222", to: "77", ...params });
  const answers = async () => {
    await settled(server);
    return gateway.asked.map(({ searchParams }) => searchParams.get("text"));
  };

  test("a message that comes again is taken once", async () => {
    const ids = new Set(await times(5, () => receive({ txt: "charge 100000000025", id: "mo-1" })));
    assert.equal(ids.size, 1);
    assert.deepEqual(await answers(), ["OK: 25 added, the credit is 35"]);
    assert.match(await receive({ txt: "charge 100000000025", id: "mo-1" }), /^OK: stored/);
    assert.equal((await answers()).length, 1);
    await assertProvable(server);
  });

  const NO_SWITCH =
    "ERROR: not configured: no SIP switch is set that could place a call; an administrator sets the option switchurl";
  for (const [title, params, wanted] of [
    ["the balance", { txt: "BAL" }, ["Your credit is $10"]],
    ["the balance with name and password", { from: "999", txt: "balance bob bob-sample" }, ["Your credit is $5"]],
    ["the balance with a wrong password", { txt: "balance bob guess" }, ["ERROR: auth failed: wrong user or password"]],
    ["a price", { txt: "Rating +36301234567" }, ["0.08 USD, Destination: Hungary-cellular"]],
    ["a number of the pin-less ones", { from: "4366012345", txt: "balance" }, ["Your credit is $5"]],
    ["another number of its own", { txt: "cli 4366055555" }, ["OK: 4366055555 added"]],
    ["a call back", { txt: "cb" }, [NO_SWITCH]],
    ["two phones to be connected", { txt: "p2p 36301234567 447700900123" }, [NO_SWITCH]],
    ["two numbers alone, behind a login", { from: "999", txt: "bob bob-sample 36301234567 447700900123" }, []],
    ["something that is no command", { txt: "Hello, how are you?" }, []],
    ["a stranger without a login", { from: "999", txt: "balance" }, []],
    ["an administrator's number", { from: "4366099999", txt: "balance" }, []],
    ["a number of two accounts", { from: "4366077777", txt: "balance" }, []],
    ["numbers behind words that are no login", { txt: "call me 36301234567" }, []],
    ["an entry that phones may not call", { txt: "getdetails" }, []],
  ] as [string, Params, string[]][])
    test(`a phone asks for ${title}`, async () => {
      await rowsOf(server, "insert into tb_pinless (userid, number) values (1002, '4366012345')");
      await rowsOf(server, "update tb_users set phone = '+4366099999' where username = 'admin'");
      await rowsOf(server, "update tb_users set phone = '4366077777' where username in ('carol', 'erin')");
      assert.match(await receive(params), /^OK: stored, id: \d+$/);
      assert.deepEqual(await answers(), wanted);
    });

  test("a PIN that comes by SMS is kept sealed until it is used", async () => {
    await server.engine.services.database.transaction(async (session) => {
      const { services } = server.engine;
      const message = { from: "36301112222", to: "77", text: "charge 100000000025" };
      const stored: string[] = [];
      const store = async (item: { body: unknown }) => void stored.push(JSON.stringify(item.body));
      await receiveMessage(session, message, services, store);
      assert.equal(stored.length, 1);
      assert.doesNotMatch(stored.join(), /100000000025/);
    });
  });

  test("a password that comes by SMS is kept nowhere", async () => {
    Object.assign(gateway.state, { status: 503 });
    await receive({ txt: "balance alice alice-sample" });
    await until(async () => (await rowsOf(server, "select id from tb_outbox where kind = 'sms.send'")).length === 1);
    for (const table of ["tb_sms", "tb_outbox"])
      assert.deepEqual(await rowsOf(server, `select id from ${table} where body like '%alice-sample%'`), []);
    await rowsOf(server, "delete from tb_outbox");
  });

  test("a sign-up is opened by the code that was sent", async () => {
    await setOptions(server, { signupsms: "1" });
    const signUp = { authkey: KEY, u_username: "newcomer", u_password: "S3cret-pw", u_phone: "+43 660 1234567" };
    assert.match(await server.get("newuseru", signUp), /^OK: user_id: \d+, username: newcomer, newusercode /);
    const login = { authkey: KEY, authid: "newcomer", authpwd: "S3cret-pw" };
    assert.match(await server.get("balance", login), /^ERROR: auth failed: /);
    const code = /(\d{6})$/.exec((await answers())[0] ?? "")?.[1] ?? "";
    const confirm = (u_code: string, u_password = "S3cret-pw") =>
      server.get("newusercode", { authkey: KEY, u_code, u_username: "newcomer", u_password });
    assert.match(await confirm(code === "000000" ? "000001" : "000000"), /^ERROR: auth failed: /);
    assert.match(await confirm(code, "wrong-pw"), /^ERROR: auth failed: /);
    assert.match(await confirm(code), /^OK: user_id: \d+, username: newcomer$/);
    assert.equal(await server.get("balance", login), "Your credit is $0");
    assert.match(await confirm(code), /^ERROR: auth failed: /);
    await setOptions(server, { signupsms: "0" });
  });

  test("a code is good for five tries", async () => {
    await rowsOf(
      server,
      "insert into tb_smscodes (userid, code, expires) values (1001, '123456', '2999-01-01 00:00:00')",
    );
    const confirm = (u_code: string) => server.get("newusercode", { authkey: KEY, u_code, u_username: "alice" });
    await times(5, () => confirm("999999"));
    assert.match(await confirm("123456"), /^ERROR: /);
    assert.equal((await rowsOf(server, "select tries from tb_smscodes"))[0]?.["tries"], 5);
  });

  test("what a hook wants sent is sent, free of charge; without a gateway it waits for somebody to try it again", async () => {
    const body = { to: "+36301234567", text: "job done" };
    const { outbox, database } = server.engine.services;
    await setOptions(server, { smsurl: "" });
    await outbox.put(database, { kind: "sms.queue", body, entry: "job", userId: 1001 });
    outbox.wake();
    await settled(server);
    const [item] = await rowsOf(server, "select id, state, lasterror from tb_outbox");
    assert.equal(item?.["lasterror"], "not configured: set smsurl or smpphost to send SMS");
    await setOptions(server, { smsurl: gateway.url });
    assert.equal(
      await server.get("retryoutbox", as(ADMIN.username, { id: String(item?.["id"]) })),
      "OK: 1 are tried again",
    );
    assert.deepEqual(await answers(), ["job done"]);
    assert.equal(await creditOf(server, "alice"), "10");
  });
});
