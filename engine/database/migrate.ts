/** Brings the tables up to date: the numbered files of `sql/`, each once, whoever starts first. */
import { readdir } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import knex, { type Knex } from "knex";
import type { RowDataPacket } from "mysql2";
import mysql from "mysql2/promise";
import { type MariaDbAddress, parseAddress } from "./address.js";

const FOLDER = new URL("../../sql/", import.meta.url);
const IS_MIGRATION = /^\d{4}-[\w-]+\.js$/;

/** Seconds for which another server's migration is waited for. */
const PATIENCE = 60;

const migrationFiles = async (): Promise<string[]> =>
  (await readdir(FOLDER)).filter((file) => IS_MIGRATION.test(file)).sort();
const nameOf = (file: string): string => file.replace(/\.js$/, "");

/** All that this version knows, in their order. */
export const migrationNames = async (): Promise<string[]> => (await migrationFiles()).map(nameOf);

const source: Knex.MigrationSource<string> = {
  getMigrations: migrationFiles,
  getMigrationName: nameOf,
  getMigration: (file) => import(new URL(file, FOLDER).href) as Promise<Knex.Migration>,
};

const CONFIG = { migrationSource: source, tableName: "tb_migrations" };

/**
 * `address` as `TBAPI_DB` has it. Several servers may start at once: one migrates, the others wait.
 * Errors: Error that tells what to do when a migration was cut off, or when a newer version has been here.
 */
export async function migrate(address: string): Promise<void> {
  const parsed = parseAddress(address);
  if (parsed.dialect === "sqlite") await migrateFile(parsed.file);
  else await migrateServer(parsed);
}

/** All in one transaction: what a server that dies in it had done is gone, its mark in the table of locks too. */
async function migrateFile(file: string): Promise<void> {
  const builder = knex({
    client: "better-sqlite3",
    useNullAsDefault: true,
    connection: { filename: file },
    pool: { min: 1, max: 1, afterCreate: neverWait },
  });
  try {
    await patiently(() =>
      builder.transaction(async (whole) => {
        await whole.migrate.forceFreeMigrationsLock(CONFIG);
        await whole.migrate.latest(CONFIG);
      }),
    );
  } finally {
    await builder.destroy();
  }
}

/** Whoever writes the file may be in this very process, which a wait would stop. */
function neverWait(connection: { pragma(text: string): unknown }, done: (error: null, connection: unknown) => void) {
  connection.pragma("busy_timeout = 0");
  done(null, connection);
}

async function migrateServer(address: MariaDbAddress): Promise<void> {
  const release = await lockServer(address);
  const { host, port, user, password, database } = address;
  const connection = { host, port, user, password, database, charset: "utf8mb4", timezone: "Z" };
  const builder = knex({ client: "mysql2", connection });
  try {
    // Whoever holds the server's lock is alone, so that a lock in the table was left by a server that died.
    await builder.migrate.forceFreeMigrationsLock(CONFIG);
    await patiently(() => builder.migrate.latest(CONFIG));
  } finally {
    await builder.destroy();
    await release();
  }
}

/** A lock that the database server itself gives back when its holder dies; gives the function that releases it. */
async function lockServer({ host, port, user, password, database }: MariaDbAddress): Promise<() => Promise<void>> {
  const connection = await mysql.createConnection({ host, port, user, password, database });
  const name = `tbapi ${database}`.slice(0, 64);
  const [rows] = await connection.query<RowDataPacket[]>("select get_lock(?, ?) as got", [name, PATIENCE]);
  if (Number(rows[0]?.["got"]) === 1) return () => connection.end();
  await connection.end();
  throw new Error(
    `another server has been changing the tables for ${PATIENCE} seconds; start this one when that is done`,
  );
}

async function patiently(work: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + PATIENCE * 1_000;
  for (;;) {
    try {
      await work();
      return;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : "";
      if (/missing|corrupt/i.test(message))
        throw new Error("the database was used by a newer version of tbapi; start that one", { cause });
      if (!isOthersWork(message)) throw cause;
      if (performance.now() > end) throw new Error(MADE_BEFORE.test(message) ? CUT_OFF : LOCKED, { cause });
      await pause(200);
    }
  }
}

const MADE_BEFORE = /already exists|duplicate/i;

/** Another server holds the lock, or (in a cluster, on another node) made the same table at the same moment. */
const isOthersWork = (message: string): boolean => /lock|busy/i.test(message) || MADE_BEFORE.test(message);

const CUT_OFF =
  "an earlier change of the tables was cut off half-way: restore the database as it was before, or drop it when it is new, and start again";
const LOCKED =
  "the tables are locked by a migration that does not end; if no other server is starting, set is_locked to 0 in tb_migrations_lock and start again";
