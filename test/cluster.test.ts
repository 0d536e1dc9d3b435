/** Several servers on one database: what one learns, all know within a second or so. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { toDatetime } from "../engine/datetime.js";
import { OPTIONS } from "../engine/options.js";
import { eachDatabase } from "./databases.js";
import { headersOf, startMailServer } from "./mail-server.js";
import { ADMIN, as, KEY, startTestServer, type TestServer, withNonce } from "./server.js";

/** Asks until the answer fits; the test's own time limit ends it otherwise. */
async function until(
  server: TestServer,
  fits: (answer: string) => boolean,
  entry: string,
  params: () => Record<string, string>,
): Promise<string> {
  for (;;) {
    const answer = await server.get(entry, params());
    if (fits(answer)) return answer;
    await pause(50);
  }
}

eachDatabase("cluster", (fresh, dialect) => {
  const two = async (t: TestContext): Promise<[TestServer, TestServer]> => {
    const database = await fresh();
    const servers: [TestServer, TestServer] = [await startTestServer(database), await startTestServer(database)];
    t.after(() => Promise.all(servers.map((server) => server.stop())));
    return servers;
  };

  test("an apireload on one server is served by the other, and an edited row is not before it", async (t) => {
    const [one, other] = await two(t);
    const sql = (text: string) => one.get("db", as(ADMIN.username, { sql: text }));
    await sql("insert into tb_api (fname, customsql, req_user) values ('shared', 'select ''first'' as v', 12)");
    assert.match(await one.get("apireload", as(ADMIN.username)), /^OK: generation \d+: added: shared/);
    await until(
      other,
      (answer) => answer.includes("first"),
      "shared",
      () => as("alice"),
    );
    await sql("update tb_api set customsql = 'select ''half-edited'' as v' where fname = 'shared'");
    await pause(700);
    assert.match(await other.get("shared", as("alice")), /first/);
    assert.match(
      await one.get("apireload", as(ADMIN.username, { what: "undo" })),
      /^OK: generation \d+: removed: shared/,
    );
    await until(
      other,
      (answer) => answer.startsWith("ERROR: unknown entry"),
      "shared",
      () => as("alice"),
    );
  });

  test("an option that is reloaded, or that a restore brings back, is in force on the other", async (t) => {
    const [one, other] = await two(t);
    const admin = (entry: string, params: Record<string, string> = {}) => one.get(entry, as(ADMIN.username, params));
    const comes = (value: string) =>
      until(
        other,
        (answer) => answer.includes(`\nmaxloglines\t${value}\t`),
        "showcfg",
        () => as(ADMIN.username),
      );
    assert.match(await admin("dbbackup", { path: "before" }), /^OK/);
    await admin("db", { sql: "insert into tb_settings (name, val) values ('maxloglines', '77')" });
    assert.match(await admin("reload"), /^OK: changed: maxloglines/);
    await comes("77");
    assert.match(await admin("dbrestore", { path: "before" }), /^OK/);
    await comes(OPTIONS.maxloglines.default);
  });

  test("wrong logins on one server close the account on the other", async (t) => {
    const [one, other] = await two(t);
    for (let index = 0; index < 12; index += 1) await one.get("balance", as("bob", {}, `wrong${index}`));
    await until(
      other,
      (answer) => answer.startsWith("ERROR: too many requests"),
      "balance",
      () => as("bob"),
    );
    assert.match(await other.get("balance", as("alice")), /^Your credit is/);
  });

  test("a nonce of one server opens the other, once", async (t) => {
    const [one, other] = await two(t);
    await one.get(
      "db",
      as(ADMIN.username, { sql: "insert into tb_api (fname, req_user, req_user_login) values ('balance', 12, 2)" }),
    );
    await one.get("apireload", as(ADMIN.username));
    await until(
      other,
      (answer) => answer.startsWith("ERROR: new nonce is:"),
      "balance",
      () => as("alice"),
    );
    const nonce = /is:(\w+)EOF/.exec(await one.get("preauth", { authkey: KEY }))?.[1] ?? "";
    assert.ok(nonce.length >= 16);
    const login = { authkey: KEY, ...withNonce("alice", nonce) };
    assert.match(await other.get("balance", login), /^Your credit is/);
    assert.match(await one.get("balance", login), /^ERROR: new nonce is:/);
  });

  test("of two servers one is killed: no mail is lost or gets a second Message-ID, each firing runs once", async (t) => {
    if (dialect === "sqlite") return t.skip("SQLite serves one server");
    const database = await fresh();
    const mail = await startMailServer();
    const server = await startTestServer(database, { ...mail.options, TBAPI_SCHEDULER: "1" });
    const doomed = await ownProcess(database, { ...mail.options, TBAPI_SCHEDULER: "1" });
    t.after(() => Promise.all([server.stop(), mail.stop()]));
    const { outbox, database: shared } = server.engine.services;
    const run = (text: string, values: string[] = []) => shared.run({ text, values });
    // While a firing runs the next one is planned already, and tells firings apart.
    const noted =
      "insert into tb_offmessages (fromuser, touser, body) select 1, 1, nextrun from tb_scheduledtasks where name = 'tick'";
    await run("insert into tb_scheduledtasks (name, cron, sqlcommand, catchup) values ('tick', '* * * * * *', ?, 1)", [
      noted,
    ]);
    const firings = async () =>
      (await run("select body from tb_offmessages order by id")).rows.map((row) => String(row["body"]));
    while ((await firings()).length < 2) await pause(50);
    const subjects = Array.from({ length: 100 }, (_, index) => `mail ${index}`);
    await shared.transaction(async (session) => {
      for (const subject of subjects) {
        const body = { to: "carl@example.com", subject, text: "x" };
        await outbox.put(session, { kind: "email.deliver", body, entry: "probe", userId: 1001 });
      }
    });
    await mail.received(20);
    doomed.kill("SIGKILL");
    await once(doomed, "exit");
    // What the other held is free now instead of after a minute.
    await run("update tb_outbox set claimeduntil = '2000-01-01 00:00:00' where state = 'taken'");
    const before = (await firings()).length;
    while ((await firings()).length < before + 2) {
      const notRenewed = toDatetime(Date.now() + 55_000);
      await run("update tb_scheduledtasks set runninguntil = '2000-01-01 00:00:00' where runninguntil < ?", [
        notRenewed,
      ]);
      await pause(50);
    }
    while ((await outbox.counts()).waiting > 0) await pause(50);
    const ids = new Map(mail.mails.map((it) => [headersOf(it).get("message-id"), headersOf(it).get("subject")]));
    assert.deepEqual([...ids.values()].sort(), subjects.sort());
    const ran = await firings();
    assert.equal(new Set(ran).size, ran.length, ran.join());
  });
});

async function ownProcess(database: string, options: Record<string, string>): Promise<ChildProcess> {
  const child = fork(new URL("./bench/serve.js", import.meta.url), [database, JSON.stringify(options)]);
  await once(child, "message");
  return child;
}
