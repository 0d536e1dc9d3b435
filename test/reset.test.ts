/** Forgotten passwords: codes by mail, used once, for a short time, told to nobody else. */
import assert from "node:assert/strict";
import { request } from "node:http";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { eachDatabase } from "./databases.js";
import { type ReceivedMail, startMailServer } from "./mail-server.js";
import { as, KEY, type Params, startTestServer, type TestServer } from "./server.js";

async function serversAt(database: string, t: TestContext, options: Params = {}) {
  const mail = await startMailServer();
  const server = await startTestServer(database, {
    ...mail.options,
    TBAPI_PUBLICURL: "https://phones.example.com",
    ...options,
  });
  t.after(async () => {
    await server.stop();
    await mail.stop();
  });
  const ask = (email: string) => server.get("forgotpasswordquestion", { authkey: KEY, email });
  const answer = (code: string, more: Params = {}) =>
    server.get("forgotpasswordanswer", {
      authkey: KEY,
      email: "alice@example.com",
      forgotpasswordanswer: code,
      ...more,
    });
  return { server, mail, ask, answer };
}

const codeOf = ({ source }: ReceivedMail): string => /^Code: (\w{5}-\w{5})/m.exec(source)?.[1] ?? "";
const RIGHT = "OK: the password is changed";
const WRONG = "ERROR: auth failed: the code is wrong, was used already, or has expired";

async function settled({ engine }: TestServer): Promise<void> {
  while ((await engine.services.outbox.counts()).waiting > 0) await pause(20);
}

const run = ({ engine }: TestServer, text: string) => engine.services.database.run({ text, values: [] });

eachDatabase("forgotten passwords", (fresh) => {
  test("a code sets a password once; it stands in the mail alone", async (t) => {
    const { server, mail, ask, answer } = await serversAt(await fresh(), t);
    assert.match(await ask("ALICE@example.com"), /^OK: if an account has this address/);
    const [first] = (await mail.received(1)) as [ReceivedMail];
    const code = codeOf(first);
    assert.deepEqual(first.to, ["alice@example.com"]);
    const stored = JSON.stringify((await run(server, "select * from tb_passwordresets")).rows);
    assert.ok(!stored.includes(code) && !stored.includes(code.replace("-", "")));
    const answers = await Promise.all([1, 2, 3].map(() => answer(code.toUpperCase(), { newpassword: "n3w-Password" })));
    assert.deepEqual(answers.filter((text) => text === RIGHT).length, 1);
    assert.equal(await answer(code, { newpassword: "other-Password" }), WRONG);
    assert.match(await server.get("balance", as("alice", {}, "n3w-Password")), /^Your credit/);
  });

  test("without a new password one is made and mailed", async (t) => {
    const { server, mail, ask, answer } = await serversAt(await fresh(), t);
    await ask("alice@example.com");
    const [first] = (await mail.received(1)) as [ReceivedMail];
    assert.equal(await answer(codeOf(first)), "OK: a new password is on its way to the address of the account");
    const [, second] = (await mail.received(2)) as [ReceivedMail, ReceivedMail];
    const made = /\r\n\r\n([a-z0-9]{20})\r\n/.exec(second.source)?.[1] ?? "";
    assert.match(await server.get("balance", as("alice", {}, made)), /^Your credit/);
  });

  test("the mail has the address of the options, whatever the request says of its host", async (t) => {
    const { server, mail } = await serversAt(await fresh(), t);
    const query = new URLSearchParams({ apientry: "forgotpasswordquestion", authkey: KEY, email: "alice@example.com" });
    const headers = { host: "evil.example.org", "x-forwarded-host": "evil.example.org" };
    await new Promise((resolve) =>
      request(`${server.url}/mvapireq/?${query}`, { headers }, (answer) => answer.resume().on("end", resolve)).end(),
    );
    const [first] = (await mail.received(1)) as [ReceivedMail];
    assert.ok(first.source.includes("https://phones.example.com") && !first.source.includes("evil"));
  });

  test("an address without an account, and those of administrators, get no mail and the same answer", async (t) => {
    const { server, mail, ask } = await serversAt(await fresh(), t);
    await run(server, "update tb_users set email = 'root@example.com' where type in (14, 15)");
    await run(server, "update tb_users set email = 'gone@example.com' where enabled = 0");
    const answers = new Set<string>();
    for (const email of ["nobody@example.com", "root@example.com", "gone@example.com", "bob@example.com"])
      answers.add(await ask(email));
    assert.equal(answers.size, 1);
    await settled(server);
    assert.deepEqual(
      mail.mails.map(({ to }) => to[0]),
      ["bob@example.com"],
    );
  });

  test("an account gets three codes an hour at most", async (t) => {
    const { server, mail, ask } = await serversAt(await fresh(), t);
    await Promise.all(Array.from({ length: 6 }, () => ask("alice@example.com")));
    await settled(server);
    assert.equal(mail.mails.length, 3);
  });

  test("a code is of no use after a quarter of an hour", async (t) => {
    const { server, mail, ask, answer } = await serversAt(await fresh(), t);
    await ask("alice@example.com");
    const [first] = (await mail.received(1)) as [ReceivedMail];
    const { rows } = await run(server, "select datum, expires from tb_passwordresets");
    const [from, until] = [rows[0]?.["datum"], rows[0]?.["expires"]].map((time) =>
      Date.parse(`${String(time).replace(" ", "T")}Z`),
    );
    assert.equal(Number(until) - Number(from), 15 * 60_000);
    await run(server, "update tb_passwordresets set expires = '2000-01-01 00:00:00'");
    assert.equal(await answer(codeOf(first), { newpassword: "n3w-Password" }), WRONG);
  });

  test("who is wrong too often has to wait, and the code is of no use any more", async (t) => {
    const { mail, ask, answer, server } = await serversAt(await fresh(), t);
    await ask("alice@example.com");
    const [first] = (await mail.received(1)) as [ReceivedMail];
    for (let index = 0; index < 5; index += 1) assert.equal(await answer(`wrong-${index}`), WRONG);
    assert.match(await answer("wrong-6"), /^ERROR: too many requests: try again in \d+ seconds/);
    assert.match(await answer(codeOf(first)), /^ERROR: too many requests/);
    const { rows } = await run(server, "select tries from tb_passwordresets");
    assert.equal(rows[0]?.["tries"], 5);
  });

  test("the right code after five wrong ones from anywhere is refused", async (t) => {
    const { mail, ask, answer } = await serversAt(await fresh(), t, { TBAPI_LIMITRESET: "100" });
    await ask("alice@example.com");
    const [first] = (await mail.received(1)) as [ReceivedMail];
    for (let index = 0; index < 5; index += 1) await answer(`wrong-${index}`);
    assert.equal(await answer(codeOf(first)), WRONG);
  });
});
