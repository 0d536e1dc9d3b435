/** What entries and tasks do afterwards, seen where it arrives: on success, on failure, and for each row of a task. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { eachDatabase } from "./databases.js";
import { headersOf, type MailServer, startMailServer, textOf } from "./mail-server.js";
import { recorder } from "./recorder.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";
import { startSmsGateway } from "./sms-gateway.js";
import { restored, rowsOf, settled } from "./sms-server.js";

const GOOD = "*update tb_users set name = 'x' where id = [USERID]";
const BAD = "*insert into tb_users (id, username) values ([USERID], 'x')";
const HOSTILE = "it's; $(id)\r\nBcc: eve@example.com";

/** `PROGRAM` is one that writes its words down; what arrives is shown as one text. */
const CASES = [
  {
    kind: "email",
    code: 1,
    body: "***TO boss@example.com\n***SUBJECT {what}\n{what}",
    arrives: "boss@example.com / it's; $(id) Bcc: eve@example.com / it's; $(id)\nBcc: eve@example.com",
  },
  { kind: "sms", code: 2, body: "***TO +36301234567\n{what}", arrives: `36301234567 / ${HOSTILE}` },
  { kind: "command", code: 7, body: "PROGRAM first '{what}'", arrives: `first / ${HOSTILE}` },
] as const;

eachDatabase("hooks", (fresh) => {
  let server: TestServer;
  let mail: MailServer;
  let gateway: Awaited<ReturnType<typeof startSmsGateway>>;
  let called: Awaited<ReturnType<typeof recorder>>;

  before(async () => {
    [mail, gateway, called] = [await startMailServer(), await startSmsGateway(), await recorder()];
    const options = { TBAPI_SMSURL: gateway.url, TBAPI_ALLOWEDCOMMANDS: called.program };
    server = await startTestServer(await fresh(), { ...mail.options, ...options });
  });
  after(async () => {
    await server.stop();
    await mail.stop();
    gateway.stop();
  });
  beforeEach(() => restored(server));

  /** Calls that were looked at before. */
  let looked = 0;
  /** What has arrived since the last look. */
  const arrived = async (): Promise<string[]> => {
    await settled(server);
    const calls = (await called.calls()).slice(looked);
    looked += calls.length;
    return [
      ...mail.mails.splice(0).map((it) => `${it.to} / ${headersOf(it).get("subject")} / ${textOf(it)}`),
      ...gateway.asked.splice(0).map(({ searchParams }) => `${searchParams.get("to")} / ${searchParams.get("text")}`),
      ...calls.map((words) => words.join(" / ")),
    ];
  };
  const filled = (body: string) => body.replace("PROGRAM", called.program);

  for (const { kind, code, body, arrives } of CASES) {
    test(`${kind} of a row: ${code} after a success alone, ${code + 50} after a failure alone`, async () => {
      for (const [fname, customsql, action] of [
        ["good", GOOD, code],
        ["notbad", GOOD, code + 50],
        ["bad", BAD, code + 50],
        ["notgood", BAD, code],
      ] as const)
        await rowsOf(
          server,
          "insert into tb_api (fname, req_user, customsql, custom_action, custom_action_body) values (?, 12, ?, ?, ?)",
          [fname, customsql, action, filled(body)],
        );
      assert.match(await server.get("apireload", as(ADMIN.username)), /^OK/);
      for (const [entry, answer] of [
        ["good", /^OK/],
        ["notbad", /^OK/],
        ["bad", /^ERROR/],
        ["notgood", /^ERROR/],
      ] as const) {
        assert.match(await server.get(entry, as("alice", { what: HOSTILE })), answer);
        assert.deepEqual(await arrived(), entry.startsWith("not") ? [] : [arrives], entry);
      }
    });

    test(`${kind} of a task, for each of its rows`, async () => {
      await rowsOf(server, "update tb_users set displayname = ? where id in (1001, 1002)", [HOSTILE]);
      const columns = "name, cron, sqlcommand, action, actionbody, eachrow";
      const select = "select displayname as what from tb_users where id in (1001, 1002)";
      await rowsOf(server, `insert into tb_scheduledtasks (${columns}) values ('job', '0 4 1 1 *', ?, ?, ?, 1)`, [
        select,
        kind,
        filled(body),
      ]);
      const answer = await server.get("runtask", as(ADMIN.username, { name: "job" }));
      assert.equal(answer.trimEnd(), "OK: 2 rows, 2 actions stored");
      assert.deepEqual(await arrived(), [arrives, arrives]);
    });
  }
});
