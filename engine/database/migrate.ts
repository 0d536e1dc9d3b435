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

const source: Knex.MigrationSource<string> = {
  getMigrations: async () => (await readdir(FOLDER)).filter((file) => IS_MIGRATION.test(file)).sort(),
  getMigrationName: (file) => file.replace(/\.js$/, ""),
  getMigration: (file) => import(new URL(file, FOLDER).href) as Promise<Knex.Migration>,
};

/**
 * `address` as `TBAPI_DB` has it. Several servers may start at once: one migrates, the others wait.
 * Errors: Error that tells what to do when a migration was cut off, or when a newer version has been here.
 */
export async function migrate(address: string): Promise<void> {
  const parsed = parseAddress(address);
  const release = parsed.dialect === "mariadb" ? await lockServer(parsed) : undefined;
  const builder = knex(connectionOf(address));
  const config = { migrationSource: source, tableName: "tb_migrations" };
  try {
    // Whoever holds the server's lock is alone, so that a lock in the table was left by a server that died.
    if (release !== undefined) await builder.migrate.forceFreeMigrationsLock(config);
    await patiently(() => builder.migrate.latest(config));
  } finally {
    await builder.destroy();
    await release?.();
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

function connectionOf(address: string): Knex.Config {
  const parsed = parseAddress(address);
  if (parsed.dialect === "sqlite")
    return {
      client: "better-sqlite3",
      useNullAsDefault: true,
      connection: { filename: parsed.file },
      pool: { min: 1, max: 1, afterCreate: waitForOthers },
    };
  const { host, port, user, password, database } = parsed;
  return { client: "mysql2", connection: { host, port, user, password, database, charset: "utf8mb4", timezone: "Z" } };
}

/** A file that another process writes is busy for a moment; nothing else runs while tables are made, so that it may block. */
function waitForOthers(
  connection: { pragma(text: string): unknown },
  done: (error: null, connection: unknown) => void,
): void {
  connection.pragma("busy_timeout = 10000");
  done(null, connection);
}

async function patiently(work: () => Promise<unknown>): Promise<void> {
  for (let second = 0; ; second += 1) {
    try {
      await work();
      return;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : "";
      if (/missing|corrupt/i.test(message))
        throw new Error("the database was used by a newer version of tbapi; start that one", { cause });
      if (!isOthersWork(message)) throw cause;
      if (second >= PATIENCE)
        throw new Error(
          "the tables are locked by a migration that does not end; if no other server is starting, set is_locked to 0 in tb_migrations_lock and start again",
          { cause },
        );
      await pause(1_000);
    }
  }
}

/** Another server holds the lock, or made the same table at the same moment. */
const isOthersWork = (message: string): boolean => /already locked|lock|already exists|duplicate|busy/i.test(message);
