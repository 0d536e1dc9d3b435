/** Every example of every built-in entry, against the sample data, on both databases. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Entry, Example, GivenRequest } from "../engine/registry/entry.js";
import { translateStatement } from "../engine/template/compile.js";
import { eachDatabase, restoreSample } from "./databases.js";
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

const loginOf = (user: string | undefined) => (user === undefined ? { authkey: KEY } : as(user));

/** A request that sets the stage: it has to succeed. */
async function request(server: TestServer, { as: user, request: sent }: GivenRequest): Promise<void> {
  const { apientry = "", ...params } = sent;
  const answer = await server.get(apientry, { ...loginOf(user), ...params });
  assert.doesNotMatch(answer, /^ERROR/, `${apientry} sets the stage`);
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
  // The server may have looked at the prices while the tables were empty.
  await rates.refresh(true);
  for (const given of example.given ?? [])
    if (typeof given === "string")
      await database.run({ text: translateStatement(given, database.dialect).text, values: [] });
    else await request(server, given);
  const params = { ...loginOf(example.as), ...example.request };
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
  before(async () => {
    server = await startTestServer(await fresh());
  });
  after(() => server.stop());

  test("every entry answers as its examples say", async (t) => {
    const entries = new Set(server.engine.services.registry.current.entries.values());
    for (const entry of entries)
      for (const [index, example] of entry.examples.entries())
        await t.test(`${entry.name}: ${example.title ?? `example ${index + 1}`}`, () =>
          runExample(server, entry, example),
        );
  });
});
