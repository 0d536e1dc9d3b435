/** Every field that the interface lets users set: those that they may change, and those that they may set once. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

const ALWAYS =
  `forwardonbusy forwardonnoanswer forwardalways voicemail musiconhold displayname noanswertimeout forwarddearlystart
  changesptoring convertdtmf playadv playdisc sendsmsalert sendemailalert sendsmsreport senddailyemail sendlowcreditemail
  sendmonthlyemail sendotheremail notifymissedsms notifymissedemail choosecodecs needcodeconversion discvoice connectvoice
  voicemailonbusy voicemailonnoansw voicemailalways`.split(/\s+/);
const ONCE =
  `contactname name email email2 phone fax address billaddress postaddress country regnumber euregnumber birthday gender
  language utc`.split(/\s+/);
const NEVER =
  `id username password pin pinhash fastregpassword credit rights type parentid enabled temporarydisabled postpaid packetid
  needauth authip status statusdate confroom upperserver brandname ringgroup`.split(/\s+/);

eachDatabase("setfield", (fresh) => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer(await fresh());
    await server.get("newuseri", as(ADMIN.username, { u_username: "zoe", u_password: "zoe-sample" }));
  });
  after(() => server.stop());
  const set = (fieldname: string, fieldvalue: string) => server.get("setfield", as("zoe", { fieldname, fieldvalue }));
  const shown = async (field: string) =>
    (await server.json("getdetails", as("zoe", { mode: "max" }))).rows?.[0]?.[field];

  for (const field of ALWAYS)
    test(`${field} can be changed and is shown`, async () => {
      for (const value of ["1", "0"]) {
        assert.equal(await set(field, value), "OK: 1 row changed");
        assert.equal(String(await shown(field)), value);
      }
    });
  for (const field of ONCE)
    test(`${field} can be set once and is shown`, async () => {
      assert.equal(await set(field, "first"), "OK: 1 row changed");
      assert.match(await set(field, "second"), /^ERROR: conflict: /);
      assert.equal(await shown(field), "first");
    });
  for (const field of NEVER)
    test(`${field} can't be set`, async () => assert.match(await set(field, "1"), /^ERROR: access denied: /));

  test("of two that set a field at once one does", async () => {
    await server.get("newuseri", as(ADMIN.username, { u_username: "yan", u_password: "yan-sample" }));
    const send = (fieldvalue: string) => server.get("setfield", as("yan", { fieldname: "gender", fieldvalue }));
    const answers = await Promise.all(["f", "m", "f", "m"].map(send));
    assert.equal(answers.filter((answer) => answer === "OK: 1 row changed").length, 1);
  });
  test("a row that is named has to be the own one", async () => {
    const ofAlice = { fieldname: "displayname", fieldvalue: "stolen", rowid: "1001" };
    assert.match(await server.get("setfield", as("zoe", ofAlice)), /^ERROR: access denied: /);
    assert.equal(await server.get("setfield", as("alice", { ...ofAlice, fieldvalue: "mine" })), "OK: 1 row changed");
    assert.equal(await server.get("setfield", as(ADMIN.username, ofAlice)), "OK: 1 row changed");
  });
  test("a password for fast registration is sealed and never shown", async () => {
    const password = "fast-Secret-1";
    await server.get("setfastregpwd", as(ADMIN.username, { username: "zoe", password }));
    const { rows } = await server.engine.services.database.run({
      text: "select fastregpassword from tb_users where username = 'zoe'",
      values: [],
    });
    const stored = String(rows[0]?.["fastregpassword"]);
    assert.ok(!stored.includes(password));
    assert.equal(server.engine.services.passwords.open(stored), password);
    const sql = "select fastregpassword from tb_users where username = 'zoe'";
    assert.equal(await server.get("db", as(ADMIN.username, { sql })), "OK: 1 rows\nfastregpassword\n***");
    const field = { retfieldname: "fastregpassword", filterfieldvalue: "zoe" };
    assert.match(await server.get("getfield", as(ADMIN.username, field)), /^ERROR: access denied: /);
  });
});
