/**
 * MariaDB by its own programs. A copy is loaded into a database beside the right one, and its tables are put in place of
 * the others by one `rename table`, which the server does whole or not at all.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { ExecaError, execa } from "execa";
import { escapeId } from "mysql2";
import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import { type MariaDbAddress, withDatabase } from "../database/address.js";
import { ApiError, type ErrorClass } from "../errors.js";
import type { Log } from "../log.js";
import type { Copier, Replacement } from "./copier.js";

/** Seconds for which others may keep the tables from being renamed. */
const LOCK_WAIT = 30;

/** `text` is the address as it was set. */
export const mariaDbCopier = (text: string, address: MariaDbAddress, log: Log): Copier => ({
  dialect: "mariadb",
  ending: ".sql.gz",
  dump: (file) => explained(log, () => dump(address, file)),
  load: (file, replacement) => explained(log, () => load({ text, address, file, replacement, log })),
  others: () => explained(log, () => connected(address, (connection) => othersOf(connection, address.database))),
});

const DUMP_OPTIONS = ["--single-transaction", "--quick", "--hex-blob", "--triggers", "--routines", "--no-tablespaces"];

/** What both programs are called with. The password is in the environment: the list of processes shows arguments. */
const connectionOf = ({ host, port, user }: MariaDbAddress): string[] => [
  "--no-defaults",
  "--protocol=tcp",
  "--skip-ssl",
  "--default-character-set=utf8mb4",
  `--host=${host}`,
  `--port=${port}`,
  `--user=${user}`,
];

const environmentOf = ({ password }: MariaDbAddress) => ({
  extendEnv: false,
  env: { PATH: process.env["PATH"] ?? "", ...(password === "" ? {} : { MYSQL_PWD: password }) },
});

async function dump(address: MariaDbAddress, file: string): Promise<void> {
  const child = execa("mariadb-dump", [...connectionOf(address), ...DUMP_OPTIONS, "--", address.database], {
    ...environmentOf(address),
    buffer: { stdout: false },
  });
  const written = pipeline(child.stdout, createGzip(), createWriteStream(file, { flags: "wx", mode: 0o600 }));
  await Promise.all([child, written]);
}

interface Loading {
  text: string;
  address: MariaDbAddress;
  file: string;
  replacement: Replacement | undefined;
  log: Log;
}

const load = (loading: Loading): Promise<void> =>
  connected(loading.address, async (connection) => {
    await lock(connection, loading.address.database);
    await loadAlone(connection, loading);
  });

async function connected<T>(address: MariaDbAddress, use: (connection: Connection) => Promise<T>): Promise<T> {
  const { host, port, user, password } = address;
  const connection = await mysql.createConnection({ host, port, user, password });
  try {
    return await use(connection);
  } finally {
    await connection.end();
  }
}

async function othersOf(connection: Connection, database: string): Promise<number> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "select count(*) as others from information_schema.processlist where db = ?",
    [database],
  );
  return Number(rows[0]?.["others"]);
}

async function loadAlone(connection: Connection, { text, address, file, replacement, log }: Loading): Promise<void> {
  const { database } = address;
  const [fresh, old] = [`${database}__tbapi_restore`, `${database}__tbapi_before`];
  await refuseLeftOver(connection, old);
  try {
    await connection.query(`create database if not exists ${quoted(database)} character set utf8mb4`);
    for (const name of [fresh, old]) {
      await drop(connection, name);
      await connection.query(`create database ${quoted(name)} character set utf8mb4`);
    }
    await feed({ ...address, database: fresh }, file);
    if (!(await tablesOf(connection, fresh)).includes("tb_migrations"))
      throw new ApiError("failed", "this backup has no tables of tbapi");
    await replacement?.prepare(withDatabase(text, fresh));
    await exchange(connection, { database, fresh, old });
    if (replacement !== undefined) await keepOrUndo(connection, { database, fresh, old }, address, replacement.keep);
    await drop(connection, old);
  } finally {
    await drop(connection, fresh).catch((err: unknown) =>
      log.warn({ event: "restore", err }, "a database of a restore is left over"),
    );
  }
}

/** What was there is dumped after the exchange, so that it has all that any server wrote until then. */
async function keepOrUndo(connection: Connection, places: Places, address: MariaDbAddress, keep: string) {
  const { database, fresh, old } = places;
  try {
    await dump({ ...address, database: old }, keep);
  } catch (cause) {
    await exchange(connection, { database, fresh: old, old: fresh });
    throw cause;
  }
}

/** Tables there are what a database held when a restore was cut off. Errors: ApiError "conflict". */
async function refuseLeftOver(connection: Connection, old: string): Promise<void> {
  if ((await tablesOf(connection, old)).length === 0) return;
  throw new ApiError(
    "conflict",
    `the database ${old} holds what was there before a restore that was cut off: keep a copy of it where you need one, and drop it`,
  );
}

const quoted = (name: string): string => escapeId(name, true);
const drop = (connection: Connection, name: string) => connection.query(`drop database if exists ${quoted(name)}`);

async function lock(connection: Connection, database: string): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>("select get_lock(?, 0) as got", [
    `tbapi restore ${database}`.slice(0, 64),
  ]);
  if (Number(rows[0]?.["got"]) !== 1) throw new ApiError("conflict", "another server is restoring this database");
}

async function feed(address: MariaDbAddress, file: string): Promise<void> {
  const child = execa("mariadb", [...connectionOf(address), "--batch", `--database=${address.database}`], {
    ...environmentOf(address),
    stdout: "ignore",
  });
  // A client that gives up closes its end: its own words tell more than the broken pipe.
  const [ended, written] = await Promise.allSettled([
    child,
    pipeline(createReadStream(file), createGunzip(), child.stdin),
  ]);
  for (const { reason } of [ended, written].filter((result) => result.status === "rejected")) throw reason;
}

async function tablesOf(connection: Connection, database: string): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "select table_name as name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE'",
    [database],
  );
  return rows.map(({ name }) => String(name));
}

interface Places {
  database: string;
  fresh: string;
  old: string;
}

/** All tables of `database` go to `old` and those of `fresh` take their place. */
async function exchange(connection: Connection, { database, fresh, old }: Places): Promise<void> {
  const moves = async (from: string, to: string) =>
    (await tablesOf(connection, from)).map(
      (table) => `${quoted(from)}.${quoted(table)} to ${quoted(to)}.${quoted(table)}`,
    );
  const all = [...(await moves(database, old)), ...(await moves(fresh, database))];
  await connection.query(`set session lock_wait_timeout = ${LOCK_WAIT}`);
  await connection.query(`rename table ${all.join(", ")}`);
}

const NO_PRIVILEGE = [1044, 1142, 1227];
const WITH_TRIGGERS = 1435;

/** The programs' and the server's own words go to the log: they name hosts and users. */
async function explained<T>(log: Log, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    log.error({ event: "copy", err: cause }, "a copy of the database failed");
    throw new ApiError(...reasonOf(cause), { cause });
  }
}

function reasonOf(cause: unknown): [ErrorClass, string] {
  const { errno, code } = cause as { errno?: number; code?: string };
  if (cause instanceof ExecaError)
    return cause.code === "ENOENT"
      ? ["not available", "mariadb-dump and mariadb are not installed (Debian: apt-get install mariadb-client)"]
      : ["failed", "the database's own program could not do it; the server's log has its words"];
  if (errno !== undefined && NO_PRIVILEGE.includes(errno))
    return [
      "not available",
      "the database's user may not create NAME__tbapi_restore and NAME__tbapi_before beside the database NAME",
    ];
  if (errno === WITH_TRIGGERS)
    return ["not available", "tables with triggers of your own can't be put back; drop those"];
  if (code === "ENOSPC") return ["failed", "the disk is full"];
  if (code === "ECONNREFUSED" || code === "ETIMEDOUT") return ["not available", "the database does not answer"];
  return ["failed", "the database could not be copied; the server's log has the reason"];
}
