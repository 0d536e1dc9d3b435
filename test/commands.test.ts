/** The command line, as a program of its own beside a running server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { OPTIONS } from "../engine/options.js";
import { freshSqlite } from "./databases.js";
import { ADMIN, as, SEAL_KEY, startTestServer } from "./server.js";

const MAIN = fileURLToPath(new URL("../engine/main.js", import.meta.url));

async function tbapi(database: string, words: string[], environment: Record<string, string> = {}) {
  const env = { TBAPI_DB: database, TBAPI_SEALKEY: SEAL_KEY, ...environment };
  const { stdout, stderr, exitCode } = await execa("node", [MAIN, ...words], { env, reject: false });
  return { stdout, stderr, exitCode };
}

test("check and call look at a database, and put nothing into force on it", async (t) => {
  const database = await freshSqlite();
  const server = await startTestServer(database);
  t.after(() => server.stop());
  const sql =
    "insert into tb_api (fname, customsql, req_user) values ('broken', 'select nosuch from tb_users', 12), ('fine', 'select 1 as one', 12)";
  await server.get("db", as(ADMIN.username, { sql }));
  const { generation } = server.engine.services.registry.current;

  const check = await tbapi(database, ["check"]);
  assert.match(check.stdout, /^tb_api:1:8: broken: customsql: unknown column 'nosuch'/m);
  assert.equal(check.exitCode, 1);

  const statements = await tbapi(database, ["check", "--statements"]);
  assert.match(statements.stdout, /^deluser\tdelete from tb_users where id = \?$/m);

  const balance = await tbapi(database, ["call", "balance", "targetuser=alice"]);
  assert.deepEqual([balance.stdout, balance.exitCode], ["Your credit is $10", 0]);
  const unknown = await tbapi(database, ["call", "fine"]);
  assert.deepEqual([unknown.stdout.startsWith("ERROR: unknown entry"), unknown.exitCode], [true, 1]);

  assert.equal(server.engine.services.registry.current.generation, generation);
  assert.match(await server.get("fine", as("alice")), /^ERROR: unknown entry/);
});

for (const [title, environment, words] of [
  ["an unknown option", { TBAPI_NOSUCH: "1" }, /TBAPI_NOSUCH: unknown option nosuch/],
  ["a malformed option", { TBAPI_SQLTIMEOUT: "soon" }, /option sqltimeout must be a whole number from 50/],
  [
    "a list with something else than addresses",
    { TBAPI_TRUSTEDIPLIST: "10.0.0.1,office" },
    /option trustediplist: 'office' is no address/,
  ],
  ["a database of another kind", { TBAPI_DB: "oracle:x" }, /must be sqlite:FILE or mysql:/],
  ["a pool without connections", { TBAPI_DB: "mysql://u@h/n?pool=0" }, /pool must be a whole number from 1 to 1000/],
  ["a wrong number", { TBAPI_DB: "mysql://u@h/n?lookups=x" }, /lookups must be a whole number from 0 to 1000/],
  ["a port that is none", { TBAPI_PORT: "http" }, /TBAPI_PORT must be a port/],
] as const)
  test(`${title} ends the start with words that name it`, async () => {
    const { stderr, exitCode } = await tbapi(await freshSqlite(), ["start"], {
      TBAPI_LOGLEVEL: "silent",
      TBAPI_HOST: "127.0.0.1",
      TBAPI_PORT: "0",
      ...environment,
    });
    assert.match(stderr, words);
    assert.doesNotMatch(stderr, /\n\s+at /);
    assert.equal(exitCode, 1);
  });

test("a first start makes a key, a salt and an administrator, prints them once, and ends well at SIGTERM", async () => {
  const database = await freshSqlite();
  const environment = {
    TBAPI_DB: database,
    TBAPI_SEALKEY: SEAL_KEY,
    TBAPI_HOST: "127.0.0.1",
    TBAPI_PORT: "0",
    TBAPI_LOGLEVEL: "silent",
  };
  const run = async () => {
    const child = execa("node", [MAIN, "start"], { env: environment, reject: false });
    child.stdout.on("data", (text: Buffer) => {
      if (text.includes("listens on port")) child.kill("SIGTERM");
    });
    return child;
  };
  const first = await run();
  for (const made of [
    /API key \(apiv2key\).*: \w{24}/,
    /Salt \(apiv2md5salt\).*: \w{24}/,
    /Administrator admin, password \w{24}/,
  ])
    assert.match(first.stdout, made);
  assert.equal(first.exitCode, 0);
  const second = await run();
  assert.doesNotMatch(second.stdout, /API key|Salt|password/);
});

test("who stops reading what a command prints gets no fault", async () => {
  const env = { TBAPI_DB: await freshSqlite(), TBAPI_SEALKEY: SEAL_KEY, TBAPI_LOGLEVEL: "silent" };
  const child = execa("node", [MAIN, "check", "--statements"], { env, reject: false });
  child.stdout.destroy();
  const { stderr, exitCode } = await child;
  assert.deepEqual([stderr, exitCode], ["", 0]);
});

test("each line of the log tells the generation of the definitions in force", async () => {
  const { stderr } = await tbapi(await freshSqlite(), ["call", "apitest1"], { TBAPI_LOGLEVEL: "debug" });
  const lines = stderr.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ event, generation }) => [event, generation]),
    [
      ["definitions", 0],
      ["request", 0],
    ],
  );
});

test("docs is a page of every entry that can be called and of every option", async (t) => {
  const database = await freshSqlite();
  const server = await startTestServer(database);
  t.after(() => server.stop());
  const { stdout, exitCode } = await tbapi(database, ["docs"]);
  assert.equal(exitCode, 0);
  const headings = new Set([...stdout.matchAll(/^### (\S+)$/gm)].map(([, name]) => name));
  for (const { name, closed } of server.engine.services.registry.current.entries.values())
    assert.equal(headings.has(name), closed === undefined, name);
  for (const [option, spec] of Object.entries(OPTIONS))
    assert.ok(stdout.includes(`\n| ${option}${"owner" in spec ? " *" : ""} |`), option);
  assert.doesNotMatch(stdout, /^## [a-z]/m, "a folder of definitions has no title in sections.yaml");
  assert.match(stdout, /\n {4}\/mvapireq\/\?apientry=p2p&.*\n {4}ERROR: not configured: no SIP switch /);
  const help = await server.get("help", as(ADMIN.username, { entry: "transfercredit" }));
  assert.ok(stdout.includes(help.replace(/^OK: /, "")), help);
});
