/** What a running server tells of itself, and what it takes while it drains. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseCommand } from "../engine/transports/command.js";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";
import { connect, HIDE_KEY, request, TRANSPORTS } from "./wire-server.js";

type Rows = Record<string, unknown>[];

eachDatabase("diagnostics", (fresh, dialect) => {
  let server: TestServer;
  let port: number;
  before(async () => {
    server = await startTestServer(await fresh(), { TBAPI_HTTPAPIENCRYPTKEY: HIDE_KEY, TBAPI_LIMITADDRESS: "0" });
    port = server.running.ports.port;
  });
  after(() => server.stop());

  const admin = (entry: string, params: Record<string, string> = {}) => server.get(entry, as(ADMIN.username, params));
  const rows = async (entry: string, params: Record<string, string> = {}): Promise<Rows> =>
    (await server.json(entry, as(ADMIN.username, params))).rows ?? [];
  const metrics = async () => (await request(port, { path: "/metrics" })).body;

  test("calls and failures are counted by the names of the registry, and what is none of them as unknown", async () => {
    await admin("resetp");
    for (let call = 0; call < 3; call += 1) await server.get("balance", as("alice"));
    await server.get("balance", as("alice", {}, "wrong"));
    await server.get("CREDITCARD-4711");
    await server.get("cb");
    const counted = Object.fromEntries(
      (await rows("info", { mode: "entries" })).map((row) => [row["entry"], [row["calls"], row["failed"]]]),
    );
    assert.deepEqual(counted["balance"], [4, 1]);
    assert.deepEqual(counted["unknown"], [1, 1]);
    const told = await metrics();
    assert.match(told, /^tbapi_requests_total\{entry="balance",outcome="good"\} 3$/m);
    assert.match(told, /^tbapi_requests_total\{entry="balance",outcome="failed"\} 1$/m);
    assert.match(told, /^tbapi_request_duration_seconds_bucket\{entry="balance",le="\+Inf"\} 4$/m);
    assert.doesNotMatch(told, /creditcard/i);
  });

  test("the buckets of a duration grow to the number of its calls", async () => {
    const lines = (await metrics()).split("\n").filter((line) => line.includes('_bucket{entry="balance"'));
    const counts = lines.map((line) => Number(line.split(" ")[1]));
    assert.ok(lines.length > 10);
    assert.deepEqual(
      counts,
      [...counts].sort((one, other) => one - other),
    );
  });

  for (const [title, headers, status] of [
    ["a trusted address", {}, 200],
    ["a page in a browser of a trusted machine", { Origin: "https://example.com" }, 403],
    ["who comes through a proxy that is not named", { "X-Forwarded-For": "127.0.0.1" }, 403],
  ] as const)
    test(`the metrics answer ${title} with ${status}`, async () => {
      assert.equal((await request(port, { path: "/metrics", headers })).status, status);
    });

  test("the tunnel's sessions are counted, listed while they are open, and gone with their connection", async () => {
    assert.match((await TRANSPORTS["tunnel"]?.(port, "/mvapireq/?apientry=apitest1")) ?? "", /^OK/);
    const { hide } = await import("../engine/obfuscation.js");
    const socket = connect(port);
    socket.write(`${hide("/mvapireq/?apientry=apitest1", HIDE_KEY)}\n`);
    await once(socket, "data");
    assert.match(
      await admin("tunnelinfo"),
      /^OK: the tunnel is on; 1 sessions open, 2 in all, 2 requests, \d{2,} bytes/,
    );
    assert.deepEqual(
      (await rows("tunnelinfoex")).map(({ transport, address, requests: count }) => [transport, address, count]),
      [["tcp", "127.0.0.1", 1]],
    );
    assert.equal((await rows("tunnellist")).length, 1);
    socket.destroy();
    while ((await rows("tunnellist")).length > 0) await new Promise(setImmediate);
  });

  test("a statement that runs is listed without the values in it, and its lock with who waits", async () => {
    const { database } = server.engine.services;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let started = () => {};
    const begun = new Promise<void>((resolve) => {
      started = resolve;
    });
    const change = "update tb_users set address = ? where username = 'carol'";
    const first = database.transaction(async (session) => {
      await session.run({ text: change, values: ["one"] });
      started();
      await held;
    });
    await begun;
    const second = database.run({ text: change, values: ["secret-value"] });
    const locks = async () => (await rows("locks")).filter(({ of, waiter }) => of === "database" && waiter !== "");
    // MariaDB renews what it shows of locks only when nobody has looked for a tenth of a second.
    const look = async () => pause(150).then(locks);
    try {
      let seen = await locks();
      while (seen.length === 0) seen = await look();
      if (dialect === "mariadb") {
        const running = await rows("querylist");
        assert.ok(
          running.some(({ statement }) => statement === "update tb_users set address = ? where username = '...'"),
        );
        assert.doesNotMatch(JSON.stringify([seen, running]), /secret-value|carol/);
      }
    } finally {
      release();
      await Promise.all([first, second]);
    }
    while ((await look()).length > 0);
  });

  test("while it drains administrators are served and users are not; 0 ends that", async () => {
    assert.match(await admin("willstop"), /^OK: draining: /);
    for (const entry of ["balance", "apitest1", "newuseru"])
      assert.match(await server.get(entry, as("alice")), /^ERROR: not available: draining: /);
    assert.match(await admin("shortinfo"), /, draining for /);
    assert.match(await metrics(), /^tbapi_draining 1$/m);
    assert.equal(await admin("willstop", { state: "0" }), "OK: new requests are taken");
    assert.match(await server.get("balance", as("alice")), /^Your credit is /);
  });

  test("help explains each entry without a word that clients take for a failure", async () => {
    for (const { name, closed } of server.engine.services.registry.current.entries.values()) {
      if (closed !== undefined) continue;
      const text = await admin("help", { entry: name });
      assert.ok(text.startsWith(`OK: ${name}: `), text);
      assert.doesNotMatch(text, /error/i);
    }
  });

  for (const [line, expected] of [
    ["db,select top 1 id, username from tb_users where id = 1001", /^OK: 1 rows\nid\tusername\n1001\talice$/],
    ["log,well, well", /^OK: written$/],
    ["sendamsg,1001,Shift ends, all go", /^ERROR: wrong parameter: sendamsg takes at most 2 values; /],
    ['sendamsg,1001,"Shift ends, all go"', /^OK: the message waits for 1 agents$/],
    ["deluser,1001,bob,carol", /^ERROR: wrong parameter: deluser takes at most 2 values; /],
    ["version,", /^OK: tbapi /],
    ["version,1", /^ERROR: wrong parameter: version takes no values; /],
  ] as const)
    test(`on the console: ${line}`, async () => {
      const { username: consoleUser } = ADMIN;
      const peer = {
        transport: "console",
        address: "127.0.0.1",
        forwarded: false,
        connection: "test",
        consoleUser,
      } as const;
      const incoming = { peer, target: "", body: Buffer.alloc(0), contentType: "", command: parseCommand(line) };
      const { body } = await server.engine.handle(incoming);
      assert.match(body.toString(), expected);
    });

  test("help tells which parameters have a place, and of which one is required", async () => {
    const list = await admin("help");
    for (const line of [
      "deluser,u_id?,u_username? (u_id or u_username)",
      "transfercredit,username,credit,idempotencykey=?",
    ])
      assert.ok(list.includes(`\n${line}\t`), line);
    assert.match(await admin("help", { entry: "deluser" }), /^Of u_id and u_username at least one is required\.$/m);
    assert.match(await admin("help", { entry: "charge" }), /^- idempotencykey \(.*by its name only\)/m);
  });

  test("the id of the installation stays, on another server of the database too", async () => {
    const id = await admin("deviceid");
    assert.match(id, /^OK: [0-9a-f]{24}$/);
    const { database, settings } = server.engine.services;
    const { rows: stored } = await database.run({
      text: "select val from tb_settings where name = 'deviceid'",
      values: [],
    });
    assert.equal(`OK: ${stored[0]?.["val"]}`, id);
    await settings.reload();
    assert.equal(await admin("deviceid"), id);
  });
});
