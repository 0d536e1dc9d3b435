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
import type { MariaDbAddress } from "../database/address.js";
import { ApiError, type ErrorClass } from "../errors.js";
import type { Log } from "../log.js";
import type { Copier } from "./copier.js";

/** Seconds for which others may keep the tables from being renamed. */
const LOCK_WAIT = 30;

export const mariaDbCopier = (address: MariaDbAddress, log: Log): Copier => ({
  dialect: "mariadb",
  ending: ".sql.gz",
  dump: (file) => explained(log, () => dump(address, file)),
  load: (file) => explained(log, () => load(address, file, log)),
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

async function load(address: MariaDbAddress, file: string, log: Log): Promise<void> {
  const { host, port, user, password, database } = address;
  const connection = await mysql.createConnection({ host, port, user, password });
  try {
    await lock(connection, database);
    await loadAlone(connection, address, file, log);
  } finally {
    await connection.end();
  }
}

async function loadAlone(connection: Connection, address: MariaDbAddress, file: string, log: Log): Promise<void> {
  const { database } = address;
  const [fresh, old] = [`${database}__tbapi_restore`, `${database}__tbapi_before`];
  try {
    await connection.query(`create database if not exists ${quoted(database)} character set utf8mb4`);
    for (const name of [fresh, old]) {
      await drop(connection, name);
      await connection.query(`create database ${quoted(name)} character set utf8mb4`);
    }
    await feed({ ...address, database: fresh }, file);
    const tables = await tablesOf(connection, fresh);
    if (!tables.includes("tb_migrations")) throw new ApiError("failed", "this backup has no tables of tbapi");
    await exchange(connection, { fresh, old, database }, tables);
  } finally {
    for (const name of [fresh, old])
      await drop(connection, name).catch((err: unknown) =>
        log.warn({ event: "restore", err }, "a database of a restore is left over"),
      );
  }
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

async function exchange(connection: Connection, { database, fresh, old }: Places, tables: string[]): Promise<void> {
  const move = (table: string, from: string, to: string) =>
    `${quoted(from)}.${quoted(table)} to ${quoted(to)}.${quoted(table)}`;
  const away = (await tablesOf(connection, database)).map((table) => move(table, database, old));
  const here = tables.map((table) => move(table, fresh, database));
  await connection.query(`set session lock_wait_timeout = ${LOCK_WAIT}`);
  await connection.query(`rename table ${[...away, ...here].join(", ")}`);
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
  if (code === "ECONNREFUSED" || code === "ETIMEDOUT") return ["not available", "the database does not answer"];
  return ["failed", "the database could not be copied; the server's log has the reason"];
}
