/** Scheduled tasks: when they are due, what is wrong with them, and that each firing runs once. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { FaultError } from "../engine/errors.js";
import { timesOf } from "../engine/tasks/times.js";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

const TIMES: [cron: string, timezone: string, after: string, next: string | undefined][] = [
  ["30 6 * * *", "", "2026-01-01T00:00:00Z", "2026-01-01T06:30:00Z"],
  ["30 6 * * *", "Europe/Budapest", "2026-01-01T00:00:00Z", "2026-01-01T05:30:00Z"],
  ["30 6 * * *", "Europe/Budapest", "2026-07-01T00:00:00Z", "2026-07-01T04:30:00Z"],
  // Strictly after, so that a firing is not found twice
  ["0 * * * *", "UTC", "2026-01-01T05:00:00Z", "2026-01-01T06:00:00Z"],
  ["*/10 * * * * *", "UTC", "2026-01-01T05:00:01Z", "2026-01-01T05:00:10Z"],
  ["0 12 31 * *", "UTC", "2026-02-01T00:00:00Z", "2026-03-31T12:00:00Z"],
  ["0 12 * * 1-5", "UTC", "2026-11-27T13:00:00Z", "2026-11-30T12:00:00Z"],
  // 2:30 is left out on 29 March and comes twice on 25 October
  ["30 2 * * *", "Europe/Budapest", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"],
  ["30 2 * * *", "Europe/Budapest", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"],
  ["30 2 * * *", "Europe/Budapest", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
  ["0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", undefined],
];

for (const [cron, timezone, after, next] of TIMES)
  test(`${cron} ${timezone} after ${after}`, () => {
    const found = timesOf(cron, timezone)(new Date(after));
    assert.equal(found?.getTime(), next === undefined ? undefined : Date.parse(next));
  });

for (const [cron, timezone, message] of [
  ["61 * * * *", "", /can't be read/],
  ["* * * *", "", /five fields/],
  ["2026-12-24T20:00:00", "", /five fields/],
  ["0 8 * * *", "Mars/Olympus", /timezone 'Mars\/Olympus' is not known/],
] as const)
  test(`'${cron}' ${timezone} is refused`, () => {
    assert.throws(
      () => timesOf(cron, timezone),
      (cause) => cause instanceof FaultError && message.test(cause.message),
    );
  });

const FAULTS: [task: Record<string, string>, fault: RegExp][] = [
  [{}, /neither a sqlcommand nor an action/],
  [{ sqlcommand: "selec 1" }, /^sqlcommand: /],
  [{ sqlcommand: "select nosuch from tb_users" }, /^sqlcommand: .*nosuch/],
  [{ sqlcommand: "select 1 as x where 1 = [USERID]" }, /^sqlcommand: /],
  [
    { sqlcommand: "select 1 as x", action: "sql", actionbody: "update tb_users set nosuch = {x}" },
    /^actionbody: .*nosuch/,
  ],
  [
    { sqlcommand: "select 1 as x", action: "sql", actionbody: "update tb_users set name = {password}" },
    /^actionbody: .*secret/,
  ],
  [{ action: "sql", actionbody: "update tb_users set name = {x}" }, /^actionbody: \{x\} is a column of sqlcommand/],
  [{ action: "9" }, /^action '9' is not known/],
  [{ action: "entry", actionbody: "nosuchentry" }, /^actionbody: 'nosuchentry' is not an entry/],
  [{ action: "entry", actionbody: "dbbackup,evening" }, /^actionbody: 'evening' has no name/],
];

const admin = (server: TestServer, entry: string, params = {}) => server.get(entry, as(ADMIN.username, params));
const run = (server: TestServer, text: string, values: (string | number)[] = []) =>
  server.engine.services.database.run({ text, values });

async function value(server: TestServer, text: string): Promise<unknown> {
  return Object.values((await run(server, text)).rows[0] ?? {})[0];
}

/** The test's own time limit ends it where that never comes. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(50);
}

async function add(server: TestServer, task: Record<string, string | number>): Promise<void> {
  const names = Object.keys(task);
  const marks = names.map(() => "?").join(", ");
  await run(server, `insert into tb_scheduledtasks (${names.join(", ")}) values (${marks})`, Object.values(task));
}

const state = async (server: TestServer, name: string) =>
  (await run(server, "select * from tb_scheduledtasks where name = ?", [name])).rows[0] ?? {};

/** The scheduler has found when the task is due. */
const planned = (server: TestServer, name: string) =>
  until(async () => typeof (await state(server, name))["nextrun"] === "string");

/** Due so many seconds ago. */
const makeDue = (server: TestServer, name: string, seconds = 0) =>
  run(server, "update tb_scheduledtasks set nextrun = ? where name = ?", [
    new Date(Date.now() - seconds * 1_000).toISOString().slice(0, 19).replace("T", " "),
    name,
  ]);

const NOTE = "insert into tb_offmessages (body) values ('fired')";
const YEARLY = "0 0 1 1 *";
const notes = (server: TestServer) => value(server, "select count(*) from tb_offmessages");

eachDatabase("tasks", (fresh) => {
  const started = async (t: TestContext, database?: string): Promise<TestServer> => {
    const server = await startTestServer(database ?? (await fresh()), { TBAPI_SCHEDULER: "1" });
    t.after(() => server.stop());
    return server;
  };

  test("what is wrong with a task is told by its name, and the others run", async (t) => {
    const server = await started(t);
    for (const [index, [task]] of FAULTS.entries())
      await add(server, { name: `faulty${index}`, cron: YEARLY, ...task });
    const { rows = [] } = await server.json("tasks", as(ADMIN.username));
    for (const [index, [task, fault]] of FAULTS.entries()) {
      const row = rows.find(({ name }) => name === `faulty${index}`);
      assert.match(String(row?.["fault"]), fault, JSON.stringify(task));
    }
    await add(server, { name: "good", cron: "* * * * * *", sqlcommand: NOTE });
    await until(async () => Number(await notes(server)) > 0);
    assert.equal((await state(server, "faulty0"))["nextrun"], null);
    assert.match(await admin(server, "maintreset"), /^OK: \d+ tasks, faulty: faulty0: it has neither/);
  });

  test("a task that was faulty runs once its entry is in force, or its table is there", async (t) => {
    const server = await started(t);
    await add(server, { name: "early", cron: "* * * * * *", action: "entry", actionbody: "later" });
    await add(server, { name: "tableless", cron: YEARLY, sqlcommand: "select note from tb_later" });
    const faultOf = async (name: string) =>
      (await server.json("tasks", as(ADMIN.username))).rows?.find((row) => row["name"] === name)?.["fault"];
    assert.match(String(await faultOf("early")), /'later' is not an entry/);
    assert.match(String(await faultOf("tableless")), /tb_later/);
    await run(server, "insert into tb_api (fname, customsql) values ('later', 'select 1 as one')");
    assert.match(await admin(server, "apireload"), /^OK/);
    await until(async () => (await state(server, "early"))["lastresult"] === "1 rows");
    await run(server, "create table tb_later (note varchar(10))");
    assert.equal(await faultOf("tableless"), "");
    assert.equal((await admin(server, "runtask", { name: "tableless" })).trimEnd(), "OK: 0 rows");
  });

  test("a task runs each time that it is due, and tells what came of it", async (t) => {
    const server = await started(t);
    await add(server, { name: "ticking", cron: "* * * * * *", sqlcommand: NOTE });
    await until(async () => Number(await notes(server)) >= 3);
    const { lastrun, lastresult, nextrun } = await state(server, "ticking");
    assert.equal(lastresult, "1 rows changed");
    assert.ok(String(nextrun) >= String(lastrun));
    await run(server, "update tb_scheduledtasks set cron = ? where name = 'ticking'", [YEARLY]);
    await until(async () => /-01-01 00:00:00$/.test(String((await state(server, "ticking"))["nextrun"])));
    await run(server, "update tb_scheduledtasks set enabled = 0 where name = 'ticking'");
    await until(async () => (await state(server, "ticking"))["nextrun"] === null);
  });

  test("an action runs for each row, once, or not at all; values of rows are bound", async (t) => {
    const server = await started(t);
    const hostile = "x', 1); delete from tb_users; --";
    await run(server, "update tb_users set displayname = ? where id in (1001, 1002)", [hostile]);
    const copy = {
      cron: YEARLY,
      action: "8",
      actionbody: "insert into tb_offmessages (fromuser, body) values ({id}, '<{displayname}>')",
    };
    const select = "select id, displayname from tb_users where id in (1001, 1002) order by id";
    await add(server, { name: "each", sqlcommand: select, eachrow: 1, ...copy });
    await add(server, { name: "once", sqlcommand: select, eachrow: 0, ...copy });
    await add(server, { name: "none", sqlcommand: `${select.replace("1001, 1002", "0")}`, eachrow: 1, ...copy });
    await add(server, { name: "wrong", sqlcommand: "select id from tb_users", eachrow: 1, ...copy });
    assert.equal((await admin(server, "runtask", { name: "each" })).trimEnd(), "OK: 2 rows, 2 actions stored");
    assert.equal((await admin(server, "runtask", { name: "once" })).trimEnd(), "OK: 2 rows, 1 actions stored");
    assert.equal((await admin(server, "runtask", { name: "none" })).trimEnd(), "OK: 0 rows");
    assert.match(
      await admin(server, "runtask", { name: "wrong" }),
      /^ERROR: failed: the statement shows no column displayname/,
    );
    await until(async () => Number(await notes(server)) === 3);
    const { rows } = await run(server, "select fromuser, body from tb_offmessages order by fromuser");
    assert.deepEqual(
      rows,
      [1001, 1001, 1002].map((fromuser) => ({ fromuser, body: `<${hostile}>` })),
    );
  });

  test("a firing that nobody could run is made up for once where the task says so, and told where it does not", async (t) => {
    const server = await started(t);
    for (const catchup of [0, 1])
      await add(server, { name: `missed${catchup}`, cron: YEARLY, sqlcommand: NOTE, catchup });
    for (const name of ["missed0", "missed1"]) {
      await planned(server, name);
      await makeDue(server, name, 7 * 86_400);
    }
    await until(async () => (await state(server, "missed1"))["lastresult"] === "1 rows changed");
    await until(async () => /^missed: no server ran at /.test(String((await state(server, "missed0"))["lastresult"])));
    assert.equal(await notes(server), 1);
  });

  test("a task waits for its own end, and a run whose server died is told and made up for", async (t) => {
    const server = await started(t);
    await add(server, { name: "slow", cron: YEARLY, sqlcommand: NOTE, catchup: 1 });
    await planned(server, "slow");
    await run(
      server,
      "update tb_scheduledtasks set runningby = 'another', runninguntil = '2099-01-01 00:00:00' where name = 'slow'",
    );
    await makeDue(server, "slow");
    assert.match(await admin(server, "runtask", { name: "slow" }), /^ERROR: conflict: slow is running now/);
    await pause(2_500);
    assert.equal(await notes(server), 0);
    await run(server, "update tb_scheduledtasks set runninguntil = '2000-01-01 00:00:00' where name = 'slow'");
    await until(async () => Number(await notes(server)) === 1);
    await until(async () => (await state(server, "slow"))["lastresult"] === "1 rows changed");
  });

  test("a statement that takes too long is ended, and an entry that fails is told", async (t) => {
    const server = await startTestServer(await fresh(), { TBAPI_TASKTIMEOUT: "300" });
    t.after(() => server.stop());
    const tables = Array.from({ length: 12 }, (_, index) => `tb_users u${index}`).join(", ");
    const endless = `select count(*) as c from ${tables}`;
    await add(server, { name: "endless", cron: YEARLY, sqlcommand: endless });
    await add(server, { name: "refused", cron: YEARLY, action: "entry", actionbody: "deluser,u_username=nobody" });
    assert.match(await admin(server, "runtask", { name: "endless" }), /^ERROR: failed: ended after 300 ms/);
    assert.match(await admin(server, "runtask", { name: "refused" }), /^ERROR: failed: not found: no user of that id/);
    assert.match(String((await state(server, "refused"))["lastresult"]), /^failed: not found: /);
    assert.equal((await state(server, "refused"))["runningby"], null);
  });

  test("a schedule outlives a time without its table", async (t) => {
    const server = await started(t);
    await add(server, { name: "ticking", cron: "* * * * * *", sqlcommand: NOTE });
    await until(async () => Number(await notes(server)) >= 1);
    await run(server, "alter table tb_scheduledtasks rename to tb_away");
    await pause(2_200);
    await run(server, "alter table tb_away rename to tb_scheduledtasks");
    const before = Number(await notes(server));
    await until(async () => Number(await notes(server)) > before + 1);
  });

  test("with two servers each firing runs once", async (t) => {
    const database = await fresh();
    const servers = [await started(t, database), await started(t, database)];
    const [one] = servers as [TestServer, TestServer];
    const names = Array.from({ length: 25 }, (_, index) => `shared${index}`);
    for (const name of names) await add(one, { name, cron: YEARLY, sqlcommand: NOTE });
    for (const name of names) await planned(one, name);
    for (const round of [1, 2]) {
      for (const name of names) await makeDue(one, name);
      await until(async () => Number(await notes(one)) >= round * names.length);
      await until(
        async () => (await value(one, "select count(*) from tb_scheduledtasks where runningby is not null")) === 0,
      );
    }
    await pause(1_500);
    assert.equal(await notes(one), 2 * names.length);
  });
});
