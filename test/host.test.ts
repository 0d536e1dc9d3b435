/** Programs of the machine: values are single words, nothing runs that the owner did not allow, nothing lasts or writes too long. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { freshSqlite } from "./databases.js";
import { recorder } from "./recorder.js";
import { ADMIN, as, type Params, startTestServer, type TestServer } from "./server.js";
import { spawnServer } from "./server-process.js";

async function serverWith(t: TestContext, options: Params): Promise<TestServer> {
  const server = await startTestServer(await freshSqlite(), options);
  t.after(() => server.stop());
  return server;
}

async function addRow(server: TestServer, body: string, code = 7): Promise<void> {
  const { database } = server.engine.services;
  await database.run({ text: "delete from tb_api", values: [] });
  await database.run({
    text: "insert into tb_api (fname, req_user, customsql, custom_action, custom_action_body) values ('beep', 12, 'select 1 as one', ?, ?)",
    values: [code, body],
  });
  assert.match(await server.get("apireload", as(ADMIN.username)), /^OK/);
}

const rowsOf = async ({ engine }: TestServer, text: string) =>
  (await engine.services.database.run({ text, values: [] })).rows;

async function settled({ engine }: TestServer): Promise<void> {
  while ((await engine.services.outbox.counts()).waiting > 0) await pause(20);
}

/** What a value must stay: one word of the program's. */
const VALUES = [
  "a;sleep 30",
  "$(id)",
  "`id`",
  "a b  c",
  "x\ny",
  "'",
  '"',
  "\\",
  "*",
  "&& id",
  "| id",
  "> /tmp/x",
  "{txt}",
  "",
  "é€",
];

describe("commands of actions", () => {
  test("a value is one word, whatever is in it", async (t) => {
    const { program, calls } = await recorder();
    const server = await serverWith(t, { TBAPI_ALLOWEDCOMMANDS: program });
    await addRow(
      server,
      `${program} first '{txt}' to={txt} "[USERNAME] {txt}" {select username from tb_users where id = USERID}`,
    );
    for (const txt of VALUES) await server.get("beep", as("alice", { txt }));
    await settled(server);
    const made = await calls();
    assert.deepEqual(
      new Set(made.map((words) => JSON.stringify(words))),
      new Set(VALUES.map((txt) => JSON.stringify(["first", txt, `to=${txt}`, `alice ${txt}`, "alice"]))),
    );
    const kept = await rowsOf(server, "select state, lasterror from tb_outbox");
    assert.equal(kept.length, VALUES.length);
    for (const row of kept) assert.deepEqual(row, { state: "done", lasterror: "exit code 0: " });
  });

  test("a value is no option, and holds no NUL", async (t) => {
    const { program, calls } = await recorder();
    const server = await serverWith(t, { TBAPI_ALLOWEDCOMMANDS: program });
    await addRow(server, `${program} {txt}`);
    assert.match(await server.get("beep", as("alice", { txt: "a\0b" })), /^ERROR: wrong parameter: /);
    for (const txt of ["-o/tmp/x", "--help"]) await server.get("beep", as("alice", { txt }));
    await settled(server);
    assert.deepEqual(await calls(), []);
    const reasons = await rowsOf(server, "select lasterror from tb_outbox where state = 'failed'");
    assert.equal(reasons.length, 2);
  });

  test("what the owner does not allow does not run", async (t) => {
    const { program, calls } = await recorder();
    const server = await serverWith(t, {});
    await addRow(server, `${program} x`);
    await server.get("beep", as("alice"));
    for (const code of [4, 5, 6]) {
      await addRow(server, "", code);
      await server.get("beep", as("alice"));
    }
    await settled(server);
    assert.deepEqual(await calls(), []);
    const reasons = (await rowsOf(server, "select lasterror from tb_outbox where state = 'failed' order by id")).map(
      (row) => row["lasterror"],
    );
    assert.equal(reasons.length, 4);
    for (const reason of reasons) assert.match(String(reason), /^not configured: /);
  });

  test("a restart of the database and of the machine is the command line that the owner has set", async (t) => {
    const { program, calls } = await recorder();
    const server = await serverWith(t, {
      TBAPI_DATABASERESTARTCOMMAND: `${program} database`,
      TBAPI_REBOOTCOMMAND: `${program} machine`,
    });
    for (const code of [5, 6]) {
      await addRow(server, "", code);
      await server.get("beep", as("alice"));
      await settled(server);
    }
    assert.deepEqual(await calls(), [["database"], ["machine"]]);
  });

  test("a command that the server's end cut off is not repeated", async (t) => {
    const { program, calls } = await recorder();
    const server = await serverWith(t, { TBAPI_ALLOWEDCOMMANDS: program });
    const text =
      "insert into tb_outbox (kind, body, state, tries, claimedby, claimeduntil, entry) values ('host.run', ?, 'taken', 1, 'x', '2000-01-01 00:00:00', 'beep')";
    await server.engine.services.database.run({ text, values: [JSON.stringify({ program, words: [], open: [] })] });
    server.engine.outbox.wake();
    await settled(server);
    assert.deepEqual(await calls(), []);
    const [row] = await rowsOf(server, "select state, lasterror from tb_outbox");
    assert.deepEqual(row, {
      state: "failed",
      lasterror: "the server stopped while it ran; it is not repeated by itself",
    });
  });
});

describe("cmd", () => {
  const CASES: { title: string; txt: string; answer: RegExp }[] = [
    {
      title: "an endless program is ended, with what it started",
      txt: "sh -c 'sleep 1000 & sleep 1000'",
      answer: /^ERROR: failed: sh was ended: it took longer than 1 seconds/,
    },
    {
      title: "a service that the program starts goes on, and is not waited for",
      txt: "sh -c 'echo started; setsid sleep 5 &'",
      answer: /^OK: 1 rows\nline\nstarted/,
    },
    {
      title: "an endless output is ended",
      txt: "yes",
      answer: /^ERROR: failed: ended, since it wrote more than 65536 bytes/,
    },
    {
      title: "a program that there is not",
      txt: "nosuchprogram",
      answer: /^ERROR: failed: nosuchprogram can't be started: there is no such program/,
    },
    { title: "the program inherits no secret", txt: "env", answer: /^OK: \d rows\nline\n(?!.*TBAPI)(PATH|LANG|PWD)/s },
    {
      title: "an open quote",
      txt: "echo 'x",
      answer: /^ERROR: wrong parameter: a quote of the command line is not closed/,
    },
  ];
  for (const { title, txt, answer } of CASES)
    test(title, async (t) => {
      const server = await serverWith(t, {
        TBAPI_ALLOWEDCOMMANDS: "sh, yes, nosuchprogram, env, echo",
        TBAPI_COMMANDTIMEOUT: "1",
      });
      assert.match(await server.get("cmd", as(ADMIN.username, { txt })), answer);
    });

  test("what may run can't be set in the database", async (t) => {
    const server = await serverWith(t, {});
    const { database } = server.engine.services;
    await database.run({ text: "insert into tb_settings (name, val) values ('allowedcommands', 'id')", values: [] });
    assert.match(
      await server.get("reload", as(ADMIN.username)),
      /^ERROR: wrong parameter: tb_settings: option allowedcommands is taken from the environment alone/,
    );
    assert.match(await server.get("cmd", as(ADMIN.username, { txt: "id" })), /^ERROR: not configured: /);
  });
});

describe("restart", () => {
  for (const what of ["service", "force"])
    test(`${what} ends the process with exit code 75, after its answer`, async () => {
      const server = await spawnServer(await freshSqlite(), { TBAPI_ALLOWRESTART: "1" });
      const answer = await server.get("restart", { what });
      assert.match(answer, /^OK: the service ends and is started again/);
      assert.deepEqual(await server.ended, [75, null]);
    });

  test("an action of a row ends the process, once: not again after its start", async (t) => {
    const database = await freshSqlite();
    const server = await spawnServer(database, { TBAPI_ALLOWRESTART: "1" });
    const sql =
      "insert into tb_api (fname, req_user, customsql, custom_action) values ('again', 6, 'select 1 as one', 4)";
    await server.get("db", { sql });
    assert.match(await server.get("apireload"), /^OK/);
    assert.match(await server.get("again"), /^OK/);
    assert.deepEqual(await server.ended, [75, null]);
    const next = await spawnServer(database, { TBAPI_ALLOWRESTART: "1" });
    t.after(() => next.stop());
    assert.match(
      await next.get("outbox"),
      /^OK: 1 rows\n.*\n\d+\tdone\thost\.restart\t1\t.*\tagain\t.*\tthe service ends and is started again/,
    );
  });
});
