/** SQLite's online backup, in both directions: page by page, and one transaction for the file that is written. */
import { chmod, mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import BetterSqlite3 from "better-sqlite3";
import { sqliteError } from "../database/sqlite-errors.js";
import { ApiError } from "../errors.js";
import type { Copier, Replacement } from "./copier.js";

/** Seconds for which others may keep the file locked. */
const PATIENCE = 30;

export const sqliteCopier = (file: string): Copier => ({
  dialect: "sqlite",
  ending: ".sqlite",
  dump: (target) => explained(() => dump(file, target)),
  load: (source, replacement) => explained(() => load(file, source, replacement)),
  others: async () => 0,
});

async function load(file: string, source: string, replacement: Replacement | undefined): Promise<void> {
  const [result] = using(
    source,
    { readonly: true },
    (database) => database.pragma("integrity_check(1)", { simple: false }) as { integrity_check: string }[],
  );
  if (result?.integrity_check !== "ok") throw new ApiError("failed", "the file of this backup is damaged");
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  if (replacement === undefined) await copy(source, file);
  else await replace(file, source, replacement);
}

/** What SQLite says is in its own words: that a disk is full, or that a file is no database. */
async function explained(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof BetterSqlite3.SqliteError)) throw cause;
    // Its words for a full disk speak of the database's, and a backup lies on another one perhaps.
    throw new ApiError("failed", cause.code === "SQLITE_FULL" ? "the disk is full" : sqliteError(cause).message, {
      cause,
    });
  }
}

async function dump(file: string, target: string): Promise<void> {
  await copy(file, target);
  inOneFile(target);
  await chmod(target, 0o600);
}

/** A copy of a file in the other mode would need two more files beside it. */
const inOneFile = (file: string) => using(file, {}, (database) => database.pragma("journal_mode = delete"));

async function replace(file: string, source: string, { prepare, keep }: Replacement): Promise<void> {
  const prepared = `${keep}.new`;
  try {
    await dump(source, prepared);
    await prepare(`sqlite:${prepared}`);
    inOneFile(prepared);
    await dump(file, keep);
    await copy(prepared, file);
  } finally {
    for (const ending of ["", "-journal", "-wal", "-shm"]) await rm(prepared + ending, { force: true });
  }
}

function using<T>(file: string, options: BetterSqlite3.Options, work: (database: BetterSqlite3.Database) => T): T {
  const database = new BetterSqlite3(file, options);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

async function copy(from: string, to: string): Promise<void> {
  const source = new BetterSqlite3(from, { readonly: true, fileMustExist: true });
  try {
    // The same state for all pages: without it each change by others would begin the copy again.
    source.exec("begin");
    source.prepare("select count(*) from sqlite_schema").get();
    await source.backup(to, { progress: patience() });
  } finally {
    source.close();
  }
}

/** Ends a copy that makes no progress. */
function patience(): (progress: BetterSqlite3.BackupMetadata) => number {
  let remaining = -1;
  let since = performance.now();
  return ({ remainingPages }) => {
    if (remainingPages !== remaining) {
      remaining = remainingPages;
      since = performance.now();
    } else if (performance.now() - since > PATIENCE * 1_000)
      throw new ApiError("not available", "the database is in use by others; try again");
    return 100;
  };
}
