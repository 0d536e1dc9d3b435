/**
 * `make injection`: sqlmap (Debian package) pointed at the places where a request's value can stand: a parameter of a custom
 * entry in its four placements, `getfield`, and the login. On SQLite and, where a server is named in TEST_MARIADB, on it.
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { freshMariaDb } from "../databases.js";
import { ADMIN, as, startTestServer } from "../server.js";

const PLACEMENTS = {
  sqlmapquoted: "select count(*) as n from tb_users where username = '[SPARAM1]'",
  sqlmapbare: "select count(*) as n from tb_users where username = [SPARAM1]",
  sqlmaplonger: "select count(*) as n from tb_users where username like '%[SPARAM1]%'",
  sqlmapfunction: "select count(*) as n from tb_users where upper(username) = upper('[SPARAM1]')",
};
const OPEN_LIMITS = {
  TBAPI_LIMITADDRESS: "0",
  TBAPI_LIMITACCOUNT: "0",
  TBAPI_LIMITLOGIN: "100000",
  TBAPI_BANAFTER: "0",
};

interface Target {
  title: string;
  entry: string;
  params: Record<string, string>;
  /** Parameters that sqlmap varies. */
  vary: string[];
}

const clear = (name: string, password: string) => {
  const { authkey } = as(name);
  return { authkey: authkey ?? "", authid: name, authpwd: password };
};
const alice = clear("alice", "alice-sample");
const admin = clear(ADMIN.username, ADMIN.password);

const TARGETS: Target[] = [
  ...Object.keys(PLACEMENTS).map((entry) => ({
    title: entry,
    entry,
    params: { ...alice, sparam1: "bob" },
    vary: ["sparam1"],
  })),
  {
    title: "getfield",
    entry: "getfield",
    params: {
      ...admin,
      table: "tb_users",
      retfieldname: "email",
      filterfieldname: "username",
      filterfieldvalue: "bob",
    },
    vary: ["table", "retfieldname", "filterfieldname", "filterfieldvalue"],
  },
  { title: "login", entry: "login", params: alice, vary: ["authid", "authpwd"] },
];

async function attack(url: string, { title, entry, params, vary }: Target, dbms: string): Promise<boolean> {
  const query = new URLSearchParams({ apientry: entry, ...params });
  const words = [
    "-u",
    `${url}/mvapireq/?${query}`,
    "-p",
    vary.join(","),
    "--batch",
    "--flush-session",
    "--level=3",
    "--risk=2",
  ];
  const { stdout } = await execa("sqlmap", [...words, `--dbms=${dbms}`, "--disable-coloring", "--time-sec=2"], {
    reject: false,
  });
  const found = /is vulnerable|identified the following injection point/.test(stdout);
  const tried = /all tested parameters do not appear to be injectable/.test(stdout);
  console.log(
    `${dbms} ${title} (${vary.join(", ")}): ${found ? "INJECTABLE" : tried ? "nothing found" : "sqlmap did not finish"}`,
  );
  if (found || !tried) console.log(stdout.slice(-2_000));
  return tried && !found;
}

async function attackAll(database: string, dbms: string): Promise<boolean> {
  const server = await startTestServer(database, OPEN_LIMITS);
  for (const [fname, customsql] of Object.entries(PLACEMENTS))
    await server.engine.services.database.run({
      text: "insert into tb_api (fname, customsql, req_user) values (?, ?, 12)",
      values: [fname, customsql],
    });
  await server.get("apireload", as(ADMIN.username));
  let clean = true;
  for (const target of TARGETS) clean = (await attack(server.url, target, dbms)) && clean;
  await server.stop();
  return clean;
}

const folder = await mkdtemp(join(tmpdir(), "tbapi-sqlmap-"));
const onSqlite = await attackAll(`sqlite:${join(folder, "sqlmap.sqlite")}`, "SQLite");
const onMariaDb = await attackAll(await freshMariaDb(), "MySQL");
process.exitCode = onSqlite && onMariaDb ? 0 : 1;
