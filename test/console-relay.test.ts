/** `client`: from the console of one server to that of another, and back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freshSqlite } from "./databases.js";
import { ADMIN, startTestServer, type TestServer } from "./server.js";
import { connect } from "./wire-server.js";

const adminPort = ({ running }: TestServer): number => running.ports.adminPort ?? 0;

/** Types each line once the text before it has been seen; gives all that was shown. */
async function talk(port: number, turns: readonly (readonly [seen: string, line: string])[]): Promise<string> {
  const socket = connect(port);
  let shown = "";
  let from = 0;
  const left = [...turns];
  for await (const chunk of socket) {
    shown += chunk;
    for (let next = left[0]; next !== undefined && shown.includes(next[0], from); next = left[0]) {
      from = shown.indexOf(next[0], from) + next[0].length;
      socket.write(`${next[1]}\r\n`);
      left.shift();
    }
  }
  assert.deepEqual(left, []);
  return shown;
}

const LOGIN = [
  ["login: ", ADMIN.username],
  ["password: ", ADMIN.password],
] as const;

test("the lines go to the other server until its console ends, and to this one again", async (t) => {
  const other = await startTestServer(await freshSqlite());
  t.after(() => other.stop());
  const nodes = `east=127.0.0.1:${adminPort(other)}, gone=127.0.0.1:9`;
  const server = await startTestServer(await freshSqlite(), { TBAPI_CLUSTERNODES: nodes });
  t.after(() => server.stop());
  const id = (it: TestServer) => it.engine.services.settings.current.deviceid;
  const shown = await talk(adminPort(server), [
    ...LOGIN,
    ["> ", "client,nowhere"],
    ["there are east, gone\r\n> ", "client,gone"],
    ["does not answer\r\n> ", "client,east"],
    ...LOGIN,
    ["> ", "deviceid"],
    [`OK: ${id(other)}\r\n> `, "quit"],
    ["back on this server\r\n> ", "deviceid"],
    [`OK: ${id(server)}\r\n> `, "quit"],
  ]);
  assert.match(shown, /ERROR: not found: no server of that name; there are east, gone/);
  assert.match(shown, /ERROR: not available: the console of that server does not answer/);
  assert.ok(!shown.includes(ADMIN.password));
});

test("without other servers the console says what to set", async (t) => {
  const server = await startTestServer(await freshSqlite());
  t.after(() => server.stop());
  const shown = await talk(adminPort(server), [...LOGIN, ["> ", "client,east"], ["> ", "quit"]]);
  assert.match(shown, /ERROR: not configured: set option clusternodes to the consoles of the other servers/);
});
