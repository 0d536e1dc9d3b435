/** What was accepted is carried out: in order, once, also when the server is killed in between. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Engine } from "../engine/engine.js";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";
import { startSmsGateway } from "./sms-gateway.js";

const addEntry = async (server: TestServer, fname: string, columns: Record<string, string | number>): Promise<void> => {
  const row: Record<string, string | number> = { fname, req_user: 12, ...columns };
  const names = Object.keys(row);
  await server.engine.services.database.run({
    text: `insert into tb_api (${names.join(", ")}) values (${names.map(() => "?").join(", ")})`,
    values: Object.values(row),
  });
  assert.match(await server.get("apireload", as(ADMIN.username)), /^OK/);
};

/** Resolves when nothing waits any more; the test's own time limit ends it otherwise. */
async function settled({ services: { outbox } }: Engine): Promise<void> {
  while ((await outbox.counts()).waiting > 0) await pause(20);
}

const valuesOf = async ({ services }: Engine, sql: string): Promise<unknown[]> =>
  (await services.database.run({ text: sql, values: [] })).rows.map((row) => Object.values(row)[0]);

eachDatabase("outbox", (fresh, dialect) => {
  test("changes without * are carried out in the order in which they were accepted", async (t) => {
    const server = await startTestServer(await fresh());
    t.after(() => server.stop());
    await addEntry(server, "note", {
      customsql: "insert into tb_offmessages (fromuser, touser, body) values ([USERID], [USERID], '[SPARAM1]')",
    });
    for (let index = 0; index < 30; index += 1)
      assert.match(await server.get("note", as("alice", { sparam1: `n${index}` })), /^OK/);
    await settled(server.engine);
    const bodies = await valuesOf(server.engine, "select body from tb_offmessages order by id");
    assert.deepEqual(
      bodies,
      Array.from({ length: 30 }, (_, index) => `n${index}`),
    );
  });

  test("a change that the database refuses is kept as failed and holds up no other", async (t) => {
    const server = await startTestServer(await fresh());
    t.after(() => server.stop());
    await addEntry(server, "clash", { customsql: "insert into tb_users (id, username) values ([USERID], 'x')" });
    await addEntry(server, "fine", { customsql: "update tb_users set name = 'fine' where id = [USERID]" });
    await server.get("clash", as("alice"));
    await server.get("fine", as("alice"));
    await settled(server.engine);
    assert.deepEqual(await server.engine.services.outbox.counts(), { waiting: 0, failed: 1 });
    assert.deepEqual(await valuesOf(server.engine, "select name from tb_users where username = 'alice'"), ["fine"]);
  });

  test("a change that takes too long is given up after three tries, so that others follow", async (t) => {
    const server = await startTestServer(await fresh(), { TBAPI_SQLTIMEOUT: "1000" });
    t.after(() => server.stop());
    const { database } = server.engine.services;
    const endless = Array.from({ length: 12 }, (_, index) => `tb_users u${index}`).join(", ");
    await addEntry(server, "slow", { customsql: `insert into tb_offmessages (body) select count(*) from ${endless}` });
    await addEntry(server, "fine", { customsql: "update tb_users set name = 'fine' where id = [USERID]" });
    for (const entry of ["slow", "fine"]) assert.match(await server.get(entry, as("alice")), /^OK: accepted/);
    while ((await server.engine.services.outbox.counts()).waiting > 0) {
      const text = "update tb_outbox set nexttry = '2000-01-01 00:00:00' where state = 'waiting' and tries > 0";
      await database.run({ text, values: [] });
      server.engine.outbox.wake();
      await pause(50);
    }
    const { rows } = await database.run({ text: "select entry, state, tries from tb_outbox", values: [] });
    assert.deepEqual(rows, [{ entry: "slow", state: "failed", tries: 3 }]);
    assert.deepEqual(await valuesOf(server.engine, "select name from tb_users where username = 'alice'"), ["fine"]);
  });

  test("an item is held for longer than its statement may wait and run", async (t) => {
    const server = await startTestServer(await fresh(), { TBAPI_SQLTIMEOUT: "600000" });
    t.after(() => server.stop());
    await addEntry(server, "clash", { customsql: "insert into tb_users (id, username) values ([USERID], 'x')" });
    const sent = Date.now();
    await server.get("clash", as("alice"));
    await settled(server.engine);
    const [until] = await valuesOf(server.engine, "select claimeduntil from tb_outbox");
    assert.ok(Date.parse(`${String(until).replace(" ", "T")}Z`) > sent + 1_200_000);
  });

  test("a hook of success is stored only with its change, one of failure only without", async (t) => {
    const server = await startTestServer(await fresh());
    t.after(() => server.stop());
    const hook = (code: number, text: string) => ({
      custom_action: code,
      custom_action_body: `insert into tb_offmessages (fromuser, touser, body) values (1, 1, '${text} {sparam1}')`,
    });
    await addEntry(server, "good", {
      customsql: "*update tb_users set name = 'x' where id = [USERID]",
      ...hook(8, "done"),
    });
    await addEntry(server, "bad", {
      customsql: "*insert into tb_users (id, username) values ([USERID], 'x')",
      ...hook(58, "failed"),
    });
    await server.get("good", as("alice", { sparam1: "it's" }));
    await server.get("bad", as("alice", { sparam1: "'); delete from tb_users; --" }));
    await settled(server.engine);
    const bodies = await valuesOf(server.engine, "select body from tb_offmessages order by id");
    assert.deepEqual(bodies, ["done it's", "failed '); delete from tb_users; --"]);
  });

  test("a server that stops ends what it has in hand, so that the next does not begin it again", async (t) => {
    const gateway = await startSmsGateway();
    gateway.state.milliseconds = 700;
    const database = await fresh();
    const options = { TBAPI_SMSURL: gateway.url };
    const first = await startTestServer(database, options);
    t.after(async () => {
      await first.stop();
      gateway.stop();
    });
    assert.match(await first.get("sms", as("alice", { bnum: "36301234567", txt: "once" })), /^OK: queued/);
    while (gateway.asked.length === 0) await pause(10);
    await first.stop();
    const second = await startTestServer(database, options);
    t.after(() => second.stop());
    await settled(second.engine);
    assert.deepEqual(await valuesOf(second.engine, "select status from tb_sms"), ["sent"]);
    assert.equal(gateway.asked.length, 1);
  });

  test("servers that share an outbox carry each item out once, and a lane in its order", async (t) => {
    if (dialect === "sqlite") return t.skip("SQLite serves one server");
    const database = await fresh();
    const servers = [await startTestServer(database), await startTestServer(database), await startTestServer(database)];
    t.after(() => Promise.all(servers.map((server) => server.stop())));
    const [server] = servers as [TestServer];
    await server.engine.services.database.transaction(async (session) => {
      for (let index = 0; index < 240; index += 1)
        await server.engine.services.outbox.put(session, {
          kind: index % 4 === 3 ? "sql" : "change",
          ...(index % 4 === 3 ? {} : { lane: `lane ${index % 4}` }),
          body: {
            text: "insert into tb_offmessages (fromuser, touser, body) values (?, 0, ?)",
            values: [index % 4, index],
          },
          entry: "probe",
          userId: 0,
        });
    });
    for (const { engine } of servers) engine.outbox.wake();
    await settled(server.engine);
    for (const lane of [0, 1, 2, 3]) {
      const bodies = await valuesOf(
        server.engine,
        `select body from tb_offmessages where fromuser = ${lane} order by id`,
      );
      const numbers = bodies.map(Number);
      assert.equal(new Set(numbers).size, 60, "each once");
      if (lane < 3)
        assert.deepEqual(
          numbers,
          [...numbers].sort((one, other) => one - other),
        );
      assert.equal(numbers.length, 60);
    }
  });

  test("a server that is killed loses no accepted change and repeats none", async (t) => {
    const database = await fresh();
    const setup = await startTestServer(database);
    t.after(() => setup.stop());
    await addEntry(setup, "note", {
      customsql: "insert into tb_offmessages (fromuser, touser, body) values ([USERID], [USERID], '[SPARAM1]')",
    });
    await setup.stop();
    const accepted = await changesUntilKilled(database);
    const server = await startTestServer(database);
    t.after(() => server.stop());
    await server.engine.services.database.run({
      text: "update tb_outbox set claimeduntil = '2000-01-01 00:00:00' where state = 'taken'",
      values: [],
    });
    server.engine.outbox.wake();
    await settled(server.engine);
    const bodies = await valuesOf(server.engine, "select body from tb_offmessages order by id");
    assert.equal(new Set(bodies).size, bodies.length, "none twice");
    for (const body of accepted) assert.ok(bodies.includes(body), `${body} was accepted and is lost`);
  });
});

async function changesUntilKilled(database: string): Promise<string[]> {
  const child: ChildProcess = fork(new URL("./bench/serve.js", import.meta.url), [database], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [port] = (await once(child, "message")) as [number];
  const accepted: string[] = [];
  const send = async (body: string) => {
    const query = new URLSearchParams({ apientry: "note", ...as("alice", { sparam1: body }) });
    const answer = await fetch(`http://127.0.0.1:${port}/mvapireq/?${query}`).then(
      (it) => it.text(),
      () => "",
    );
    if (answer.startsWith("OK")) accepted.push(body);
  };
  const sending = Array.from({ length: 8 }, async (_, lane) => {
    for (let index = 0; index < 25; index += 1) await send(`k${lane}-${index}`);
  });
  while (accepted.length < 60) await pause(5);
  child.kill("SIGKILL");
  await Promise.all([...sending, once(child, "exit")]);
  return accepted;
}
