/** What the database's own log shows is what `tbapi check --statements` prints: no request makes SQL. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { freshMariaDb, type MariaDbServer, startMariaDb } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

const ENTRIES: Record<string, string> = {
  inquotes: "select id from tb_users where username = '[SPARAM1]' and 'mark-1' = 'mark-1'",
  bare: "select id from tb_users where username = [SPARAM1] and 'mark-2' = 'mark-2'",
  like: "select id from tb_users where username like '%[SPARAM1]%' and 'mark-3' = 'mark-3'",
  change: "*update tb_users set name = '[SPARAM1]', displayname = {color} where id = [USERID] and 'mark-4' = 'mark-4'",
};
const VALUES = [
  "bob",
  "x' or '1'='1",
  "1; drop table tb_users",
  "\\' or 1=1 -- ",
  "%",
  "[USERID]",
  "{password}",
  "' union select password from tb_users -- ",
  "/*",
  "\u02bc",
  "`",
  '"',
];

let mariaDb: MariaDbServer;
let server: TestServer;

before(async () => {
  mariaDb = await startMariaDb({ generalLog: true });
  server = await startTestServer(await freshMariaDb(mariaDb), { TBAPI_LIMITACCOUNT: "0" });
  for (const [fname, customsql] of Object.entries(ENTRIES))
    await server.engine.services.database.run({
      text: "insert into tb_api (fname, customsql, req_user) values (?, ?, 12)",
      values: [fname, customsql],
    });
  assert.match(await server.get("apireload", as(ADMIN.username)), /^OK/);
});
after(async () => {
  await server.stop();
  await mariaDb.stop();
});

/** Texts that the server was asked to prepare, as its general log has them. */
async function preparedTexts(): Promise<string[]> {
  await pause(200);
  const log = await readFile(mariaDb.log, "utf8");
  return [...log.matchAll(/\d Prepare\t([\s\S]*?)\n(?=\d{6} |\t\t)/g)].map(([, text = ""]) => text.trim());
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

test("hostile values in every place send no text that the entries don't have", async () => {
  for (const entry of Object.keys(ENTRIES))
    for (const value of VALUES) await server.get(entry, as("alice", { sparam1: value, color: value }));
  const known = new Set(server.engine.services.registry.statements().flatMap(({ texts }) => texts.map(oneLine)));
  const marked = (await preparedTexts()).map(oneLine).filter((text) => text.includes("mark-"));
  assert.ok(marked.length >= Object.keys(ENTRIES).length);
  for (const text of marked) assert.ok(known.has(text), text);
});

test("hostile values in the built-in entries send no text that tame ones don't", async () => {
  const call = async (value: string) => {
    const user = (params: Record<string, string>) => as("alice", params);
    const admin = (params: Record<string, string>) => as(ADMIN.username, params);
    await server.get("balance", { ...user({}), authid: value });
    await server.get("transfercredit", user({ username: value, credit: value }));
    await server.get("charge", user({ pin: value }));
    await server.get("search", user({ txt: value }));
    await server.get("rating", user({ bnum: value }));
    await server.get("getdetails", user({ mode: value }));
    await server.get("setfield", user({ fieldname: "displayname", fieldvalue: value }));
    await server.get("setfield", admin({ fieldname: value, fieldvalue: value, rowid: value }));
    await server.get("getfield", admin({ filterfieldvalue: value }));
    await server.get(
      "getfield",
      admin({ table: value, retfieldname: value, filterfieldname: value, filterfieldvalue: value }),
    );
    for (const name of ["caller", "called", "prefix", "days", "dir", "type", "fields", "by", "order", "maxcount"])
      await server.get("cdr", user({ [name]: value }));
    await server.get("listusers", admin({ u_order: value, u_type: value, u_maxcount: value }));
    await server.get("deluser", admin({ u_username: value, u_id: value }));
    await server.get("newuseru", {
      authkey: "test-key",
      u_username: value,
      u_password: value,
      u_name: value,
      u_email: value,
    });
  };
  for (const tame of ["nobody", "1", "abc"]) await call(tame);
  // What servers tell each other once a second is sent now, lest it fall between the two looks.
  await server.engine.admission.refresh();
  const before = new Set((await preparedTexts()).map(oneLine));
  for (const value of VALUES) await call(value);
  assert.ok(before.size > 10);
  const strange = (await preparedTexts()).map(oneLine).filter((text) => !before.has(text));
  assert.deepEqual(strange, []);
});
