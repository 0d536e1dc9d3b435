/**
 * Databases for tests: SQLite in a temporary folder, and a real MariaDB. As a program (`databases.js -- COMMAND`) it starts one
 * MariaDB server for all test files that the command runs, and stops it afterwards.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import mysql from "mysql2/promise";
import { type Database, DatabaseError } from "../engine/database/database.js";
import { migrate } from "../engine/database/migrate.js";
import { openDatabase } from "../engine/database/open.js";
import { insertSample } from "../engine/database/sample.js";
import { makeLog } from "../engine/log.js";

export interface MariaDbServer {
  /** `mysql://root@127.0.0.1:PORT`, without a database. */
  url: string;
  /** The server's general log, where one was asked for. */
  log: string;
  stop(): Promise<void>;
}

const NAMES = ["mariadbd", "/usr/sbin/mariadbd"];

async function installed(names: readonly string[]): Promise<string> {
  for (const name of names) {
    const found = name.startsWith("/")
      ? existsSync(name)
      : (await execa("which", [name], { reject: false })).exitCode === 0;
    if (found) return name;
  }
  throw new Error("the tests need a MariaDB server: install it (Debian: apt-get install mariadb-server)");
}

/** A port below those that the system gives away by itself. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** Starts a server on a temporary folder; quick rather than safe, as nothing of it is kept. */
export async function startMariaDb(options: { generalLog?: boolean } = {}): Promise<MariaDbServer> {
  const program = await installed(NAMES);
  const folder = await mkdtemp(join(tmpdir(), "tbapi-mariadb-"));
  const data = join(folder, "data");
  const asRoot = process.getuid?.() === 0 ? ["--user=root"] : [];
  const install = [
    "--no-defaults",
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
    `--datadir=${data}`,
    ...asRoot,
  ];
  // As below, of two servers that share a folder for temporary tables.
  await execa("mariadb-install-db", install, { env: { TMPDIR: folder } });
  const port = await freePort();
  const log = join(folder, "general.log");
  const server = execa(
    program,
    [
      "--no-defaults",
      ...asRoot,
      `--datadir=${data}`,
      // Two servers that share a folder for temporary tables delete each other's.
      `--tmpdir=${folder}`,
      `--socket=${join(folder, "s.sock")}`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      "--skip-name-resolve",
      "--innodb-flush-log-at-trx-commit=0",
      "--innodb-buffer-pool-size=64M",
      "--max-connections=500",
      ...(options.generalLog === true ? ["--general-log=1", `--general-log-file=${log}`] : []),
    ],
    { reject: false, stdout: "ignore", stderr: "ignore" },
  );
  const url = `mysql://root@127.0.0.1:${port}`;
  await whenReady(url, server);
  const stop = async () => {
    server.kill("SIGTERM");
    await server;
    await rm(folder, { recursive: true, force: true });
  };
  return { url, log, stop };
}

async function whenReady(url: string, server: { exitCode?: number | null }): Promise<void> {
  for (;;) {
    const connection = await mysql.createConnection(url).catch(() => undefined);
    if (connection !== undefined) return connection.end();
    if (typeof server.exitCode === "number") throw new Error("the MariaDB server of the tests ended at once");
    await pause(50);
  }
}

let own: Promise<MariaDbServer> | undefined;

async function serverUrl(): Promise<string> {
  const given = process.env["TEST_MARIADB"];
  if (given !== undefined) return given;
  own ??= startMariaDb();
  return (await own).url;
}

/** The address of a new, empty database on the tests' server. */
export async function freshMariaDb(server?: MariaDbServer): Promise<string> {
  const url = server?.url ?? (await serverUrl());
  const name = `tbapi_${randomBytes(6).toString("hex")}`;
  const connection = await mysql.createConnection(url);
  await connection.query(`create database ${name} character set utf8mb4`);
  await connection.end();
  return `${url}/${name}`;
}

/** The address of a new, empty SQLite file. */
export const freshSqlite = async (): Promise<string> =>
  `sqlite:${join(await mkdtemp(join(tmpdir(), "tbapi-sqlite-")), "test.sqlite")}`;

/** Opens a database with its tables made; statements may take `timeout` milliseconds. */
export async function openMigrated(address: string, timeout = 5_000): Promise<Database> {
  await migrate(address);
  return openDatabase(address, { timeout: () => timeout, log: makeLog("silent") });
}

/** The kind of the DatabaseError with which it fails; "none" where it doesn't. */
export const kindOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error) => (error instanceof DatabaseError ? error.kind : String(error)),
  );

export type Fresh = () => Promise<string>;

/** Defines the same tests for both databases; `fresh` gives the address of a new, empty one. */
export function eachDatabase(title: string, define: (fresh: Fresh, dialect: "sqlite" | "mariadb") => void): void {
  describe(`${title} on SQLite`, () => define(freshSqlite, "sqlite"));
  describe(`${title} on MariaDB`, () => {
    after(stopOwn);
    define(() => freshMariaDb(), "mariadb");
  });
}

async function stopOwn(): Promise<void> {
  const server = await own;
  own = undefined;
  await server?.stop();
}

/** What a test must not empty: it was there before the sample data, or belongs to the engine. */
const KEPT = new Set([
  "tb_migrations",
  "tb_migrations_lock",
  "tb_currencies",
  "tb_settings",
  "tb_apigeneration",
  "tb_apihistory",
  "tb_users",
]);

/** Empties the tables and loads the sample data again, at once for whoever reads them; users that are named in `keep` stay. */
export async function restoreSample(database: Database, keep: readonly string[] = []): Promise<void> {
  const tables = [...(await database.schema()).keys()].filter((table) => table.startsWith("tb_") && !KEPT.has(table));
  await database.transaction(async (session) => {
    for (const table of tables) await session.run({ text: `delete from ${table}`, values: [] });
    const marks = ["''", ...keep.map(() => "?")].join(", ");
    await session.run({ text: `delete from tb_users where username not in (${marks})`, values: [...keep] });
    await session.run({ text: "update tb_users set credit = 0", values: [] });
    await insertSample(session);
  });
}

/** Runs a command with a server of its own; ends with the command's exit code. */
async function runWithServer(words: string[]): Promise<void> {
  const [program = "", ...rest] = words;
  const server = await startMariaDb();
  const child = execa(program, rest, { stdio: "inherit", reject: false, env: { TEST_MARIADB: server.url } });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => child.kill(signal));
  const { exitCode = 1 } = await child;
  await server.stop();
  process.exitCode = exitCode;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await runWithServer(process.argv.slice(process.argv.indexOf("--") + 1));
