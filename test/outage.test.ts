/** A database that is away for a moment: what was done outside is not done again, and what waits goes on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { freshMariaDb } from "./databases.js";
import { ADMIN, as, type Params, startTestServer, type TestServer } from "./server.js";
import { idOf, rowsOf, settled, statusOf, until } from "./sms-server.js";

/** Stands before a MariaDB; while it is away, connections are cut and refused. */
async function startDoor(address: string) {
  const { port: behind, hostname } = new URL(address);
  const open = new Set<Socket>();
  let away = false;
  const door = createTcpServer((client) => {
    if (away) return client.destroy();
    const server = connect(Number(behind), hostname);
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on("error", () => undefined).on("close", () => open.delete(socket));
    }
    client.pipe(server).pipe(client);
  });
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  const url = new URL(address);
  url.port = String((door.address() as AddressInfo).port);
  return {
    url: url.href,
    close() {
      away = true;
      for (const socket of open) socket.destroy();
    },
    open() {
      away = false;
    },
    stop: () => door.close(),
  };
}

/** A server behind a door, and a gateway for SMS that closes the door before its first answer. */
async function started(t: TestContext, options: Params = {}) {
  const door = await startDoor(await freshMariaDb());
  const asked: string[] = [];
  const gateway = createServer((request, response) => {
    asked.push(new URL(request.url ?? "", "http://gateway").searchParams.get("text") ?? "");
    if (asked.length === 1) door.close();
    response.end("OK 1");
  });
  gateway.listen(0, "127.0.0.1");
  await once(gateway, "listening");
  const { port } = gateway.address() as AddressInfo;
  const smsurl = `http://127.0.0.1:${port}/?to={to}&text={text}`;
  const server = await startTestServer(door.url, { TBAPI_SMSURL: smsurl, ...options });
  t.after(async () => {
    door.open();
    await server.stop();
    gateway.closeAllConnections();
    gateway.close();
    door.stop();
  });
  return { server, door, asked };
}

const away = async (server: TestServer) =>
  until(async () => (await server.get("balance", as("alice"))).startsWith("ERROR") || undefined);

for (const idpattern of ["", "OK (\\d+)"])
  test(`a message that the gateway took meanwhile is not sent again${idpattern && ", nor a part of it"}`, async (t) => {
    const { server, door, asked } = await started(t, { TBAPI_SMSIDPATTERN: idpattern });
    const id = idOf(await server.get("sms", as("alice", { bnum: "36301234567", txt: "once" })));
    await until(() => asked.length > 0);
    await pause(1_500);
    door.open();
    await until(async () => (await statusOf(server, id).catch(() => "")) === "sent");
    await settled(server);
    assert.deepEqual(asked, ["once"]);
  });

test("requests are told to come again; accepted changes and tasks go on afterwards", async (t) => {
  const { server, door } = await started(t, { TBAPI_SCHEDULER: "1" });
  const tick = "insert into tb_scheduledtasks (name, cron, sqlcommand) values ('tick', '* * * * * *', ?)";
  await rowsOf(server, tick, ["insert into tb_offmessages (body) values ('tick')"]);
  const ticks = async () => (await rowsOf(server, "select id from tb_offmessages where body = 'tick'")).length;
  await until(async () => (await ticks()) > 0);
  const insert = `insert into tb_api (fname, req_user, customsql, custom_action, custom_action_body)
    values ('note', 12, 'insert into tb_offmessages (body) values (''[SPARAM1]'')', 58, 'delete from tb_users where id = 0')`;
  await rowsOf(server, insert);
  assert.match(await server.get("apireload", as(ADMIN.username)), /^OK/);
  assert.match(await server.get("note", as("alice", { sparam1: "before" })), /^OK/);
  door.close();
  await away(server);
  for (const entry of ["note", "balance"])
    assert.match(await server.get(entry, as("alice")), /^ERROR: not available: /, entry);
  door.open();
  await until(async () => (await server.get("balance", as("alice"))).startsWith("Your credit"));
  await settled(server);
  assert.deepEqual(await rowsOf(server, "select body from tb_offmessages where body <> 'tick'"), [{ body: "before" }]);
  const before = await ticks();
  await until(async () => (await ticks()) > before + 1);
});
