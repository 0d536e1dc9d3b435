/** SQLite's online backup, in both directions: page by page, and one transaction for the file that is written. */
import { chmod, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import BetterSqlite3 from "better-sqlite3";
import { ApiError } from "../errors.js";
import type { Copier } from "./copier.js";

/** Seconds for which others may keep the file locked. */
const PATIENCE = 30;

export const sqliteCopier = (file: string): Copier => ({
  dialect: "sqlite",
  ending: ".sqlite",
  async dump(target) {
    await copy(file, target);
    // A copy of a file in this mode would need two more files beside it.
    using(target, {}, (database) => database.pragma("journal_mode = delete"));
    await chmod(target, 0o600);
  },
  async load(source) {
    const [result] = using(
      source,
      { readonly: true },
      (database) => database.pragma("integrity_check(1)", { simple: false }) as { integrity_check: string }[],
    );
    if (result?.integrity_check !== "ok") throw new ApiError("failed", "the file of this backup is damaged");
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await copy(source, file);
  },
});

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
