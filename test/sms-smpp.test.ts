/** Messages over a link to an SMS centre. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eachDatabase } from "./databases.js";
import { as, startTestServer, type TestServer } from "./server.js";
import { type SmsCentre, startSmsCentre } from "./sms-centre.js";
import { testNetwork } from "./sms-network.js";
import {
  assertProvable,
  creditOf,
  idOf,
  restored,
  rowsOf,
  setOptions,
  settled,
  statusOf,
  until,
} from "./sms-server.js";

eachDatabase("sms over SMPP", (fresh) => {
  let server: TestServer;
  let centre: SmsCentre;
  before(async () => {
    centre = await startSmsCentre();
    server = await startTestServer(await fresh(), {
      TBAPI_SMPPHOST: "127.0.0.1",
      TBAPI_SMPPPORT: String(centre.port),
      TBAPI_SMPPSYSTEMID: "tbapi",
      TBAPI_SMPPPASSWORD: "secret",
      TBAPI_SMSWAIT: "60",
    });
  });
  after(async () => {
    await server.stop();
    await centre.stop();
  });
  const fromStart = async () => {
    await restored(server);
    return { server, centre };
  };
  const send = (text: string, entry = "sendsms") =>
    server.get(entry, as("alice", { from: "Test", to: "36301234567", message: text }));

  testNetwork(fromStart);

  test("a centre that is busy is asked again", async () => {
    await restored(server);
    assert.match(await send("busy at first", "sendsmssync"), /^OK: delivered, /);
    assert.equal(centre.taken.filter(({ text }) => text === "busy at first").length, 1);
  });

  test("a link that broke is made again", async () => {
    await restored(server);
    centre.cut();
    assert.match(await send("after the break", "sendsmssync"), /^OK: delivered, /);
  });

  test("a late receipt counts once, however often it comes", async () => {
    await restored(server);
    const id = idOf(await send("later"));
    await until(async () => (await statusOf(server, id)) === "sent");
    assert.equal(await creditOf(server, "alice"), "9.93");
    const [part] = await rowsOf(server, "select providerid from tb_smsparts where smsid = ?", [id]);
    centre.reportLater("UNDELIV");
    await until(async () => (await statusOf(server, id)) === "failed");
    for (const stat of ["DELIVRD", "UNDELIV", "EXPIRED"]) await centre.report(String(part?.["providerid"]), stat);
    assert.equal(await statusOf(server, id), "failed");
    assert.equal(await creditOf(server, "alice"), "10");
    assert.equal((await rowsOf(server, "select id from tb_ledger where kind = 'refund'")).length, 1);
    await assertProvable(server);
  });

  test("a receipt for a message of somebody else is taken, and changes nothing", async () => {
    await restored(server);
    assert.equal(await centre.report("X999", "UNDELIV"), 0);
    await assertProvable(server);
  });

  test("a phone's command is carried out", async () => {
    await restored(server);
    await centre.phoneSends("36301112222", "3617000003", "RATING 36301234567");
    await until(() => centre.taken.find(({ to, text }) => to === "36301112222" && text.startsWith("0.08 USD")));
  });

  test("two machines that answer each other stop", async () => {
    await restored(server);
    await setOptions(server, { smsanswers: "3" });
    const answers = () => centre.taken.filter(({ to, from }) => to === "36301112222" && from === "77").length;
    for (let round = 1; round <= 5; round += 1) {
      await centre.phoneSends("36301112222", "77", "BAL");
      await settled(server);
      await until(() => answers() >= Math.min(round, 3));
    }
    assert.equal(answers(), 3);
    assert.equal((await rowsOf(server, "select id from tb_sms where direction = 'in'")).length, 5);
  });

  test("a centre that refuses the login keeps messages waiting", async (t) => {
    await restored(server);
    await setOptions(server, { smswait: "0" });
    const other = await startSmsCentre("another password");
    const wrong = await startTestServer(await fresh(), {
      TBAPI_SMPPHOST: "127.0.0.1",
      TBAPI_SMPPPORT: String(other.port),
      TBAPI_SMPPSYSTEMID: "tbapi",
      TBAPI_SMPPPASSWORD: "secret",
    });
    t.after(async () => {
      await wrong.stop();
      await other.stop();
    });
    const id = idOf(await wrong.get("sendsms", as("alice", { to: "36301234567", message: "hi" })));
    await until(() => other.logins.length > 0);
    await until(
      async () => (await rowsOf(wrong, "select lasterror from tb_outbox where lasterror like '%login%'")).length > 0,
    );
    assert.equal(await statusOf(wrong, id), "queued");
  });
});
