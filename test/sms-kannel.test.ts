/** Messages through Kannel, a real SMS gateway, to a centre and back. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eachDatabase } from "./databases.js";
import { type Kannel, startKannel } from "./kannel.js";
import { KEY, startTestServer, type TestServer } from "./server.js";
import { type SmsCentre, startSmsCentre } from "./sms-centre.js";
import { testNetwork } from "./sms-network.js";
import { assertProvable, creditOf, restored, rowsOf, SECRET, setOptions, until } from "./sms-server.js";

eachDatabase("sms through Kannel", (fresh) => {
  let server: TestServer;
  let centre: SmsCentre;
  let kannel: Kannel;
  before(async () => {
    centre = await startSmsCentre();
    server = await startTestServer(await fresh(), { TBAPI_SMSSECRET: SECRET, TBAPI_SMSWAIT: "60" });
    const receive = `${server.url}/mvapireq/?apientry=smsreceive&authkey=${KEY}`;
    kannel = await startKannel(centre.port, `${receive}&from=%p&to=%P&txt=%b&charset=%C&id=%I`);
    const smsreporturl = `${server.url}/mvapireq/?apientry=smsdlr&status=%d`;
    await setOptions(server, { smsurl: kannel.smsurl, smsreporturl });
  });
  after(async () => {
    await server.stop();
    await kannel.stop();
    await centre.stop();
  });
  const fromStart = async () => {
    await restored(server);
    return { server, centre };
  };

  testNetwork(fromStart);

  test("a phone asks for the balance, and gets it by SMS", async () => {
    await restored(server);
    assert.equal(await centre.phoneSends("36301112222", "3617000003", "BAL"), 0);
    const answer = await until(() => centre.taken.find(({ to }) => to === "36301112222"));
    assert.deepEqual([answer.from, answer.text], ["3617000003", "Your credit is $10"]);
  });

  test("a phone recharges the account with a PIN", async () => {
    await restored(server);
    await centre.phoneSends("36301112222", "3617000003", "Charge 100000000025");
    await until(() => centre.taken.find(({ text }) => text === "OK: 25 added, the credit is 35"));
    assert.equal(await creditOf(server, "alice"), "35");
    assert.equal((await rowsOf(server, "select body from tb_sms where direction = 'in'"))[0]?.["body"], "charge ***");
    await assertProvable(server);
  });

  test("a text of other letters is stored as it was written", async () => {
    await restored(server);
    await centre.phoneSends("36309998888", "3617000003", "Привет 😀", "ucs2");
    const [row] = await until(async () => {
      const rows = await rowsOf(server, "select body, fromnumber, userid, coding from tb_sms where direction = 'in'");
      return rows.length > 0 && rows;
    });
    assert.deepEqual(row, { body: "Привет 😀", fromnumber: "36309998888", userid: 0, coding: "ucs2" });
  });
});
