/** Mail, to a real SMTP server: what entries and actions send, what no value can add, and servers that fail. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { SMTPServerOptions } from "smtp-server";
import { selfSigned } from "./certificate.js";
import { eachDatabase, freshSqlite } from "./databases.js";
import { headersOf, type ReceivedMail, startMailServer, textOf } from "./mail-server.js";
import { ADMIN, as, type Params, startTestServer, type TestServer } from "./server.js";

async function serversAt(database: string, t: TestContext, smtp: SMTPServerOptions = {}, options: Params = {}) {
  const mail = await startMailServer(smtp);
  const server = await startTestServer(database, { ...mail.options, ...options });
  t.after(async () => {
    await server.stop();
    await mail.stop();
  });
  return { server, mail };
}

async function addRow(server: TestServer, fname: string, columns: Record<string, string | number>): Promise<void> {
  const row: Record<string, string | number> = { fname, req_user: 12, customsql: "select 1 as one", ...columns };
  const names = Object.keys(row);
  const text = `insert into tb_api (${names.join(", ")}) values (${names.map(() => "?").join(", ")})`;
  await server.engine.services.database.run({ text, values: Object.values(row) });
  assert.match(await server.get("apireload", as(ADMIN.username)), /^OK/);
}

const stateOf = async ({ engine }: TestServer): Promise<Record<string, unknown>[]> =>
  (await engine.services.database.run({ text: "select kind, state, tries, lasterror from tb_outbox", values: [] }))
    .rows;

/** Resolves with the outbox's only item once it has been tried so often. */
async function tried(server: TestServer, times: number): Promise<Record<string, unknown>> {
  for (;;) {
    const [item] = await stateOf(server);
    if (item !== undefined && Number(item["tries"]) >= times && item["state"] !== "taken") return item;
    await pause(20);
  }
}

const hurry = ({ engine }: TestServer) =>
  engine.services.database
    .run({
      text: "update tb_outbox set nexttry = '2000-01-01 00:00:00' where state = 'waiting'",
      values: [],
    })
    .then(() => engine.outbox.wake());

interface BodyCase {
  title: string;
  body: string;
  request?: Params;
  code?: number;
  customsql?: string;
  to?: string[];
  subject?: string;
  text?: string;
}

const BODIES: BodyCase[] = [
  {
    title: "lines ***TO and ***SUBJECT, fields of the caller, parameters",
    body: "***TO {email}\n***SUBJECT Hello {name}\n\nDear {displayname} [USERNAME],\nyou sent {color} [SPARAM1] and {nothing}.",
    request: { color: "blue", sparam1: "one" },
    to: ["alice@example.com"],
    subject: "Hello Alice Smith",
    text: "Dear Alice alice,\nyou sent blue one and .",
  },
  {
    title: "without ***TO the administrators, without ***SUBJECT the entry's name",
    body: "Called by {username}.",
    to: ["owner@example.com"],
    subject: "tbapi: report",
    text: "Called by alice.",
  },
  {
    title: "Handlebars, with keywords inside of blocks",
    body: "{{#if color}}{{color}} for {username}{{else}}none{{/if}}, {{caller.email}}",
    request: { color: "<&'\">" },
    text: "<&'\"> for alice, alice@example.com",
  },
  {
    title: "a select in its place, with bound values",
    body: "Last: {select top 1 callednumber from tb_cdrs with(nolock) where callerid = USERID and callednumber like '{prefix}%' order by id} {select count(*) as n from tb_cdrs where callerid = [USERID]}.",
    request: { prefix: "3630" },
    text: "Last: 36301234567 4.",
  },
  {
    title: "a select that finds nothing is empty, one of several rows has a line for each",
    body: "[{select name from tb_users where id = -1}]\n{select username, type from tb_users where id between 1001 and 1002 order by id}",
    text: "[]\nalice\t0\nbob\t0",
  },
  {
    title: "values are never read as a part of the body",
    body: "{text}",
    request: { text: "***TO eve@example.com {select password from tb_users} {{caller.email}} {email}" },
    text: "***TO eve@example.com {select password from tb_users} {{caller.email}} {email}",
  },
  {
    title: "a value in the subject adds no header",
    body: "***SUBJECT About {topic}\nx",
    request: { topic: "this\r\nBcc: eve@example.com\r\n\r\nbody" },
    subject: "About this Bcc: eve@example.com body",
  },
  {
    title: "several recipients get a mail each",
    body: "***TO a@example.com, {email}; {select email from tb_users where username = 'bob'}\nx",
    to: ["a@example.com", "alice@example.com", "bob@example.com"],
  },
  {
    title: "after a failure",
    body: "***SUBJECT failed\n{username}",
    code: 51,
    customsql: "*insert into tb_users (id, username) values ([USERID], 'x')",
    subject: "failed",
    text: "alice",
  },
];

/** Values that a recipient's place must not take. */
const BAD_RECIPIENTS = [
  "a@example.com, eve@example.com",
  "a@example.com\r\nBcc: eve@example.com",
  "Eve <eve@example.com>",
  "a@b",
  "",
  '"x, eve"@example.com',
];

eachDatabase("mail", (fresh) => {
  test("bodies of actions", async (t) => {
    const { server, mail } = await serversAt(await fresh(), t);
    for (const { title, body, request = {}, code = 1, customsql, to, subject, text } of BODIES)
      await t.test(title, async () => {
        await server.engine.services.database.run({ text: "delete from tb_api", values: [] });
        mail.mails.length = 0;
        await addRow(server, "report", {
          custom_action: code,
          custom_action_body: body,
          ...(customsql && { customsql }),
        });
        await server.get("report", as("alice", request));
        const mails = await mail.received(to?.length ?? 1);
        if (to !== undefined) assert.deepEqual(mails.flatMap((it) => it.to).sort(), to);
        const [first] = mails as [ReceivedMail];
        assert.equal(headersOf(first).get("bcc"), undefined);
        assert.equal(headersOf(first).get("from"), "Phones <phones@example.com>");
        if (subject !== undefined) assert.equal(headersOf(first).get("subject"), subject);
        if (text !== undefined) assert.equal(textOf(first), text);
      });
  });

  test("a value in the place of a recipient is one address or none", async (t) => {
    const { server, mail } = await serversAt(await fresh(), t);
    await addRow(server, "tell", { custom_action: 1, custom_action_body: "***TO {whom}\nx" });
    for (const whom of BAD_RECIPIENTS) await server.get("tell", as("alice", { whom }));
    await server.get("tell", as("alice", { whom: "good@example.com" }));
    await mail.received(1);
    while ((await server.engine.services.outbox.counts()).waiting > 0) await pause(20);
    assert.deepEqual(
      mail.mails.map(({ to }) => to),
      [["good@example.com"]],
    );
    const items = await stateOf(server);
    assert.equal(items.length, BAD_RECIPIENTS.length);
    for (const item of items) assert.match(String(item["lasterror"]), /is no email address$/);
  });

  test("sendmail: sender, answers' address, and the same request once", async (t) => {
    const { server, mail } = await serversAt(await fresh(), t);
    const request = {
      to: "carl@example.com",
      subject: "Hi\r\nBcc: eve@example.com",
      message: "Hello, świat\n.\nend",
      idempotencykey: "k1",
    };
    const answer = await server.get("sendmail", as("alice", request));
    assert.equal(answer.trim(), "OK: accepted for carl@example.com");
    assert.equal(await server.get("sendmail", as("alice", request)), answer);
    assert.match(await server.get("sendmail", as("alice", { ...request, message: "other" })), /^ERROR: conflict: /);
    await server.get("sendmail", as("alice", { to: "end@example.com", subject: "end", message: "end" }));
    const mails = await mail.received(2);
    // Mails of several requests come in no promised order.
    const [first, ...others] = mails.toSorted((one, other) => one.to.join().localeCompare(other.to.join())) as [
      ReceivedMail,
    ];
    assert.deepEqual(
      [first, ...others].map(({ to }) => to),
      [["carl@example.com"], ["end@example.com"]],
    );
    const headers = headersOf(first);
    assert.equal(headers.get("reply-to"), "alice@example.com");
    assert.equal(headers.get("subject"), "Hi Bcc: eve@example.com");
    assert.equal(first.from, "phones@example.com");
    assert.equal(textOf(first), "Hello, świat\n.\nend");
  });

  test("an account sends so many mails an hour, others are not held up by it", async (t) => {
    const { server } = await serversAt(await fresh(), t, {}, { TBAPI_LIMITMAIL: "2" });
    const send = (name: string) =>
      server.get("sendmail", as(name, { to: "carl@example.com", subject: "s", message: "m" }));
    for (const expected of [/^OK/, /^OK/, /^ERROR: too many requests: try again in \d+ seconds/])
      assert.match(await send("alice"), expected);
    assert.match(await send("bob"), /^OK/);
  });

  test("faults of a body are told with their places", async (t) => {
    const { server } = await serversAt(await fresh(), t);
    const row = {
      custom_action: 1,
      custom_action_body: "***TO {email}\n\nDear {name},\nlast: {select nosuch from tb_cdrs}",
    };
    await assert.rejects(addRow(server, "mine", row), /mine: custom_action_body: unknown column 'nosuch'/);
    const faults = await server.engine.services.registry.check();
    assert.deepEqual(
      faults.map(({ line, column }) => [line, column]),
      [[4, 15]],
    );
  });

  test("a PIN is in the mail and nowhere else", async (t) => {
    const { server, mail } = await serversAt(await fresh(), t);
    await server.engine.services.database.run({
      text: "update tb_users set pin = '40302010' where id = 1001",
      values: [],
    });
    assert.match(await server.get("sendccinfo", as("alice")), /^OK: /);
    const [first] = (await mail.received(1)) as [ReceivedMail];
    assert.match(textOf(first), /^PIN: 40302010$/m);
  });
});

describe("an SMTP server that fails", () => {
  const send = (server: TestServer) =>
    server.get("sendmail", as("alice", { to: "carl@example.com", subject: "s", message: "m" }));

  test("is not asked where none is set", async (t) => {
    const server = await startTestServer(await freshSqlite());
    t.after(() => server.stop());
    assert.match(await send(server), /^ERROR: not configured: set smtphost and mailfrom/);
    assert.deepEqual(await stateOf(server), []);
  });

  test("refuses the connection: tried again until it is there", async (t) => {
    const probe = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => probe.once("listening", resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const options = {
      TBAPI_SMTPHOST: "127.0.0.1",
      TBAPI_SMTPPORT: String(port),
      TBAPI_SMTPSECURE: "none",
      TBAPI_MAILFROM: "a@example.com",
    };
    const server = await startTestServer(await freshSqlite(), options);
    t.after(() => server.stop());
    assert.match(await send(server), /^OK/);
    const { state, lasterror } = await tried(server, 2);
    assert.equal(state, "waiting");
    assert.match(String(lasterror), /^the mail server: .*ECONNREFUSED/);
  });

  test("refuses for now (4xx): tried again; for good (5xx): given up", async (t) => {
    for (const [code, state] of [
      [451, "waiting"],
      [550, "failed"],
    ] as const) {
      const refuse: SMTPServerOptions = {
        onRcptTo: (_address, _session, done) =>
          done(Object.assign(new Error("Error: no such box"), { responseCode: code })),
      };
      const { server } = await serversAt(await freshSqlite(), t, refuse);
      await send(server);
      assert.equal((await tried(server, 1))["state"], state);
      const told = await server.get("outbox", as(ADMIN.username));
      assert.match(told, /no such box/);
      assert.doesNotMatch(told, /error/i);
    }
  });

  test("refuses one of several administrators: the others get the mail, and the outbox tells", async (t) => {
    const { server, mail } = await serversAt(
      await freshSqlite(),
      t,
      {
        onRcptTo: ({ address }, _session, done) =>
          done(address.startsWith("gone") ? Object.assign(new Error("no such box"), { responseCode: 550 }) : null),
      },
      { TBAPI_MAILTO: "one@example.com, gone@example.com; two@example.com" },
    );
    await addRow(server, "tell", { custom_action: 1, custom_action_body: "hello" });
    await server.get("tell", as("alice"));
    await mail.received(2);
    while ((await server.engine.services.outbox.counts()).waiting > 0) await pause(20);
    assert.deepEqual(mail.mails.flatMap(({ to }) => to).sort(), ["one@example.com", "two@example.com"]);
    const [item, ...more] = await stateOf(server);
    assert.deepEqual([item?.["state"], more], ["failed", []]);
    assert.match(String(item?.["lasterror"]), /no such box/);
  });

  test("does not answer in time: tried again", async (t) => {
    const { server } = await serversAt(
      await freshSqlite(),
      t,
      { onMailFrom: () => undefined, closeTimeout: 100 },
      { TBAPI_SMTPTIMEOUT: "1" },
    );
    await send(server);
    const { state, lasterror } = await tried(server, 1);
    assert.equal(state, "waiting");
    assert.match(String(lasterror), /^the mail server: /);
  });

  test("cuts the connection after the text: sent again under the same Message-ID", async (t) => {
    const sources: string[] = [];
    const cut: SMTPServerOptions = {
      onData(stream, _session, done) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          sources.push(Buffer.concat(chunks).toString());
          if (sources.length > 1) return done();
          sockets.at(-1)?.destroy();
        });
      },
    };
    const sockets: { destroy(): void }[] = [];
    const { server, mail } = await serversAt(await freshSqlite(), t, cut);
    mail.onConnection((socket) => sockets.push(socket));
    await send(server);
    await tried(server, 1);
    await hurry(server);
    while (sources.length < 2) await pause(20);
    const ids = sources.map((source) => /^message-id: (.*)$/im.exec(source)?.[1]);
    assert.match(String(ids[0]), /^<\d+\.[0-9a-f]+@example\.com>/);
    assert.equal(ids[0], ids[1]);
  });

  test("has a wrong certificate: no mail and no password reaches it", async (t) => {
    const { key, cert } = selfSigned();
    let logins = 0;
    const onAuth: SMTPServerOptions["onAuth"] = (_auth, _session, done) => {
      logins += 1;
      done(null, { user: "x" });
    };
    const options = { TBAPI_SMTPSECURE: "starttls", TBAPI_SMTPUSER: "u", TBAPI_SMTPPASSWORD: "hush-hush" };
    const { server, mail } = await serversAt(
      await freshSqlite(),
      t,
      { key: readFileSync(key), cert: readFileSync(cert), onAuth },
      options,
    );
    await send(server);
    const { state, lasterror } = await tried(server, 1);
    assert.deepEqual([state, logins, mail.mails.length], ["waiting", 0, 0]);
    assert.match(String(lasterror), /certificate/);
  });

  test("is another one while mails wait for a connection: none is given up", async (t) => {
    const held: (() => void)[] = [];
    let open = false;
    const slow: SMTPServerOptions = {
      onMailFrom: (_address, _session, done) => (open ? done() : void held.push(() => done())),
    };
    const { server, mail } = await serversAt(await freshSqlite(), t, slow);
    const { database, outbox, settings } = server.engine.services;
    await database.transaction(async (session) => {
      for (let index = 0; index < 12; index += 1) {
        const body = { to: "carl@example.com", subject: `mail ${index}`, text: "x" };
        await outbox.put(session, { kind: "email.deliver", body, entry: "probe", userId: 1001 });
      }
    });
    while (held.length < 5) await pause(20);
    const text = "insert into tb_settings (name, val) values ('smtpca', ?)";
    await database.run({ text, values: [selfSigned().cert] });
    await settings.reload();
    // The next mail opens connections anew, while others of the first eight still wait for one of the old.
    held[0]?.();
    while (held.length < 7) await pause(20);
    open = true;
    for (const go of held) go();
    while ((await outbox.counts()).waiting > 0) await pause(20);
    assert.deepEqual(await outbox.counts(), { waiting: 0, failed: 0 });
    assert.equal(new Set(mail.mails.map((it) => /^subject: (.*)$/im.exec(it.source)?.[1])).size, 12);
  });

  test("is known by its authority, and takes the login", async (t) => {
    const { key, cert } = selfSigned();
    const onAuth: SMTPServerOptions["onAuth"] = ({ username, password }, _session, done) =>
      username === "u" && password === "hush-hush" ? done(null, { user: "u" }) : done(new Error("no"));
    const options = {
      TBAPI_SMTPHOST: "localhost",
      TBAPI_SMTPSECURE: "starttls",
      TBAPI_SMTPUSER: "u",
      TBAPI_SMTPPASSWORD: "hush-hush",
      TBAPI_SMTPCA: cert,
    };
    const { server, mail } = await serversAt(
      await freshSqlite(),
      t,
      { key: readFileSync(key), cert: readFileSync(cert), onAuth },
      options,
    );
    await send(server);
    await mail.received(1);
  });

  test("offers no encryption where that is asked for: nothing is sent", async (t) => {
    const { server, mail } = await serversAt(await freshSqlite(), t, {}, { TBAPI_SMTPSECURE: "starttls" });
    await send(server);
    await tried(server, 1);
    assert.equal(mail.mails.length, 0);
  });
});
