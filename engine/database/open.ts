/** From the address of a database to the database. */
import { existsSync } from "node:fs";
import type { Log } from "../log.js";
import { parseAddress } from "./address.js";
import { type Database, DatabaseError } from "./database.js";
import { openMariaDb } from "./mariadb.js";
import { openSqlite } from "./sqlite.js";

export interface DatabaseOptions {
  /** Milliseconds after which a statement is ended; asked for with each statement. */
  timeout: () => number;
  log: Log;
}

export interface OpenOptions {
  /** Makes no file where there is none. */
  existing?: boolean;
}

/**
 * Opens `sqlite:FILE` or `mysql://user:password@host:port/name`; the latter takes `?pool=N` connections, and `&lookups=N` that
 * all requests share for their look-ups: 0 where the connections lead through a proxy that does not take one behind the other.
 * Errors: Error for an address of another form, DatabaseError "unavailable" when the database can't be reached.
 */
export async function openDatabase(
  address: string,
  options: DatabaseOptions,
  { existing = false }: OpenOptions = {},
): Promise<Database> {
  const parsed = parseAddress(address);
  if (existing && parsed.dialect === "sqlite" && !existsSync(parsed.file))
    throw new DatabaseError("unavailable", "there is no such file");
  return parsed.dialect === "sqlite" ? openSqlite(parsed.file, options) : openMariaDb(parsed, options);
}
