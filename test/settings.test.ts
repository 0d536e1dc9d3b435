/** Options that are written through the API are held to what the start holds them to. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

/** The field, its new value, and the answer. */
const CASES = [
  ["val", "50", "OK: 1 row changed"],
  ["val", "0", "ERROR: wrong parameter: option maxrows must be a whole number from 1 to 100000, not '0'"],
  ["val", "", "ERROR: wrong parameter: option maxrows must be a whole number from 1 to 100000, not ''"],
  [
    "name",
    "sqltimeout",
    "ERROR: wrong parameter: option sqltimeout must be a whole number from 50 to 3600000, not '7'",
  ],
  ["name", "nosuch", "ERROR: wrong parameter: unknown option nosuch: see `tbapi options` for those that there are"],
  ["comment", "rows of a page", "OK: 1 row changed"],
] as const;

eachDatabase("an option that setfield writes", (fresh) => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer(await fresh());
  });
  after(() => server.stop());

  for (const [fieldname, fieldvalue, answer] of CASES)
    test(`${fieldname} = '${fieldvalue}' → ${answer}`, async () => {
      const { database } = server.engine.services;
      await database.run({ text: "delete from tb_settings where id = 9001", values: [] });
      const made = "insert into tb_settings (id, name, val) values (9001, 'maxrows', '7')";
      await database.run({ text: made, values: [] });
      const params = { table: "tb_settings", fieldname, fieldvalue, rowid: "9001" };
      assert.equal(await server.get("setfield", as(ADMIN.username, params)), answer);
      assert.doesNotMatch(await server.get("reload", as(ADMIN.username)), /^ERROR/);
    });
});
