/** One table: options × callers × entries → in or out; and the limits on guessing. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import type { Peer } from "../engine/request.js";
import { eachDatabase, restoreSample } from "./databases.js";
import { ADMIN, as, KEY, md5, type Params, startTestServer, type TestServer } from "./server.js";

interface Group {
  title: string;
  options: Record<string, string>;
  cases: string[];
}

const groups = parse(readFileSync(new URL("../../test/cases/access/access.yaml", import.meta.url), "utf8")) as Group[];

const ADDRESSES: Record<string, string> = {
  loop: "127.0.0.1",
  lan: "192.168.7.7",
  net: "198.51.100.7",
  trunk: "192.0.2.10",
  proxy: "127.0.0.1",
  console: "198.51.100.7",
};

const PARAMS: Record<string, Params> = { balance: {}, getfield: { filterfieldvalue: "alice" } };

function credentials(caller: string): Params {
  const [name = "", way] = caller.split(":");
  if (name === "nobody") return {};
  if (name === "key") return { authkey: KEY };
  const password = `${name === "1001" ? "alice" : name}-sample`;
  switch (way) {
    case "name":
      return { authkey: KEY, authid: name };
    case "clear":
      return { authkey: KEY, authid: name, authpwd: password };
    case "md5":
      return { authkey: KEY, authid: name, authpwd: md5(password) };
    default:
      return as(name, {}, way === "wrong" ? "wrong" : password);
  }
}

function peerOf(from: string, caller: string): Peer {
  const peer = { address: ADDRESSES[from] ?? from, connection: "test", forwarded: from === "proxy" };
  return from === "console" ? { ...peer, transport: "console", consoleUser: caller } : { ...peer, transport: "http" };
}

async function ask(server: TestServer, line: string): Promise<string> {
  const [caller = "", from = "", entry = ""] = line.split(" ");
  const login = from === "console" ? {} : credentials(caller);
  const query = new URLSearchParams({ apientry: entry, ...login, ...PARAMS[entry] });
  const answer = await server.engine.handle({
    peer: peerOf(from, caller),
    target: `/mvapireq/?${query}`,
    body: Buffer.alloc(0),
    contentType: "",
  });
  return answer.body.toString();
}

async function setOptions({ engine: { services } }: TestServer, options: Record<string, string>): Promise<void> {
  await services.database.run({
    text: "delete from tb_settings where name not in ('apiv2key', 'apiv2md5salt')",
    values: [],
  });
  for (const [name, value] of Object.entries(options))
    await services.database.run({ text: "insert into tb_settings (name, val) values (?, ?)", values: [name, value] });
  await services.settings.reload();
}

eachDatabase("access", (fresh) => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer(await fresh(), { TBAPI_LIMITLOGIN: "100000", TBAPI_BANAFTER: "0" });
  });
  after(() => server.stop());

  for (const { title, options, cases } of groups)
    describe(title, () => {
      before(() => setOptions(server, options));
      for (const line of cases)
        test(line, async () => {
          const [request = "", expected = ""] = line.split(" -> ");
          const answer = await ask(server, request);
          if (expected === "in") assert.doesNotMatch(answer, /^ERROR/);
          else assert.ok(answer.startsWith(`ERROR: ${expected}`), answer);
        });
    });
});

eachDatabase("limits", (fresh) => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer(await fresh(), {
      TBAPI_LIMITLOGIN: "5",
      TBAPI_LIMITPIN: "3",
      TBAPI_BANAFTER: "12",
      TBAPI_LIMITSIGNUP: "3",
    });
    await restoreSample(server.engine.services.database, [ADMIN.username]);
  });
  after(() => server.stop());

  test("after so many wrong logins the account is closed to that address, also for the right password, and others are not", async () => {
    for (let guess = 0; guess < 5; guess += 1) await ask(server, "alice:wrong lan balance");
    assert.match(await ask(server, "alice lan balance"), /^ERROR: too many requests: try again in \d+ seconds/);
    assert.match(await ask(server, "bob lan balance"), /^Your credit is/);
    assert.match(await ask(server, "alice net balance"), /^Your credit is/);
  });

  test("an account that is closed and one that does not exist answer alike", async () => {
    for (let guess = 0; guess < 5; guess += 1) await ask(server, "stranger lan balance");
    assert.match(await ask(server, "stranger lan balance"), /^ERROR: too many requests: try again in \d+ seconds/);
  });

  test("an address that guesses is banned, listed, and let in again when the ban is lifted", async () => {
    const from = (name: string) => ask(server, `${name}:wrong 203.0.113.9 balance`);
    for (const name of ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b1", "b2", "b3"]) await from(name);
    await server.engine.admission.refresh();
    assert.match(await ask(server, "bob 203.0.113.9 balance"), /^ERROR: access denied: this address is banned/);
    assert.match(await server.get("bannedlist", as(ADMIN.username)), /203\.0\.113\.9/);
    assert.match(await server.get("delbanned", as(ADMIN.username, { ip: "203.0.113.9" })), /^OK: 1 lifted/);
    assert.match(await ask(server, "bob 203.0.113.9 balance"), /^Your credit is/);
  });

  test("a network that an administrator bans is shut out, however its address is written", async () => {
    for (const ip of ["198.51.100.0/24", "2001:db8::/64"])
      await server.get(
        "db",
        as(ADMIN.username, { sql: `insert into tb_bannedip (ip, reason) values ('${ip}', 'test')` }),
      );
    await server.engine.admission.refresh();
    for (const address of ["198.51.100.7", "2001:db8::5"])
      assert.match(await ask(server, `bob ${address} balance`), /^ERROR: access denied: this address is banned/);
    assert.match(await ask(server, "bob 2001:db8:0:1::5 balance"), /^Your credit is/);
    await server.get("delbanned", as(ADMIN.username, { ip: "all" }));
  });

  test("bans and limits of an address hold for what is no entry, for a closed one and for what can't be read", async () => {
    const { database, registry } = server.engine.services;
    await database.run({ text: "insert into tb_api (fname, enabled) values ('closedone', 0)", values: [] });
    await registry.reload("test");
    await database.run({ text: "insert into tb_bannedip (ip, reason) values ('203.0.113.8', 'test')", values: [] });
    await server.engine.admission.refresh();
    const early = { nosuch: "unknown entry: ", closedone: "not available: ", "": "wrong parameter: apientry " };
    for (const [entry, usual] of Object.entries(early)) {
      assert.ok((await ask(server, `bob net ${entry}`)).startsWith(`ERROR: ${usual}`));
      assert.match(await ask(server, `bob 203.0.113.8 ${entry}`), /^ERROR: access denied: this address is banned/);
    }
    await setOptions(server, { limitaddress: "4" });
    const from = (address: string) =>
      Promise.all(Object.keys(early).map((entry) => ask(server, `bob ${address} ${entry}`)));
    const answers = [...(await from("203.0.113.20")), ...(await from("203.0.113.20"))];
    assert.equal(answers.filter((answer) => answer.startsWith("ERROR: too many requests: ")).length, 2);
    await setOptions(server, { apitrustediponly: "1" });
    assert.match(await ask(server, "bob net nosuch"), /^ERROR: access denied: only trusted addresses/);
    assert.match(await ask(server, "bob lan nosuch"), /^ERROR: unknown entry/);
    await setOptions(server, {});
  });

  test("wrong PINs close recharging for the account that guesses, and nothing else", async () => {
    for (let guess = 0; guess < 3; guess += 1) await server.get("charge", as("carol", { pin: `55500${guess}` }));
    assert.match(await server.get("charge", as("carol", { pin: "100000000010" })), /^ERROR: too many requests: /);
    assert.match(await server.get("charge", as("bob", { pin: "100000000010" })), /^OK: 10 added/);
    assert.match(await server.get("balance", as("carol")), /^Postpaid/);
  });
});
