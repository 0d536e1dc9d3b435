/** Every example of every built-in entry, against the sample data, on both databases. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Entry, Example } from "../engine/registry/entry.js";
import { translateStatement } from "../engine/template/compile.js";
import { eachDatabase, restoreSample } from "./databases.js";
import { GATEWAY_KEY, type Gateway, startGateway } from "./gateway.js";
import { SAMPLE_OPTIONS } from "./sample-options.js";
import { ADMIN, as, KEY, startTestServer, type TestServer } from "./server.js";

const isPattern = /^\/(.*)\/$/s;

function assertAnswer(answer: string, expected: string): void {
  const pattern = isPattern.exec(expected)?.[1];
  if (pattern === undefined) assert.equal(answer, expected);
  else assert.match(answer, new RegExp(pattern));
}

async function firstValue(server: TestServer, sql: string): Promise<unknown> {
  const { database } = server.engine.services;
  const { rows } = await database.run({ text: translateStatement(sql, database.dialect).text, values: [] });
  return Object.values(rows[0] ?? {})[0];
}

/** Options of `tb_settings` beside those that the tests' server is started with. */
async function setOptions(server: TestServer, options: Example["options"] = {}): Promise<void> {
  const { database, settings } = server.engine.services;
  await database.run({ text: "delete from tb_settings where comment = 'example'", values: [] });
  for (const values of Object.entries(options))
    await database.run({ text: "insert into tb_settings (name, val, comment) values (?, ?, 'example')", values });
  await settings.reload();
}

async function runExample(server: TestServer, entry: Entry, example: Example): Promise<void> {
  const { database, rates, registry } = server.engine.services;
  await restoreSample(database, [ADMIN.username]);
  await setOptions(server, example.options);
  // The price list may have been looked at while the tables were empty.
  await rates.refresh(true);
  for (const sql of example.given ?? [])
    await database.run({ text: translateStatement(sql, database.dialect).text, values: [] });
  await rates.refresh();
  const login = example.as === undefined ? { authkey: KEY } : as(example.as);
  for (const { apientry = "", as: user, ...first } of example.before ?? [])
    assert.match(await server.get(apientry, { ...(user === undefined ? login : as(user)), ...first }), /^OK/, apientry);
  const params = { ...login, ...example.request };
  assertAnswer((await server.get(entry.name, params)).trimEnd(), example.answer);
  if (example.rows !== undefined) {
    const { rows } = await server.json(entry.name, params);
    assert.deepEqual(rows, example.rows);
  }
  for (const { sql, is } of example.then ?? []) assert.equal(await firstValue(server, sql), is, sql);
  if (example.options !== undefined) await setOptions(server);
  if (entry.name === "apireload") {
    await database.run({ text: "delete from tb_api", values: [] });
    await registry.reload("test");
  }
}

eachDatabase("examples", (fresh) => {
  let server: TestServer;
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway();
    const payments = { TBAPI_PAYMENTURL: gateway.url, TBAPI_PAYMENTKEY: GATEWAY_KEY };
    server = await startTestServer(await fresh(), { ...SAMPLE_OPTIONS, ...payments });
  });
  after(() => Promise.all([server.stop(), gateway.stop()]));

  test("every entry answers as its examples say", async (t) => {
    const entries = new Set(server.engine.services.registry.current.entries.values());
    for (const entry of entries)
      for (const [index, example] of entry.examples.entries())
        await t.test(`${entry.name}: ${example.title ?? `example ${index + 1}`}`, () =>
          runExample(server, entry, example),
        );
  });
});
