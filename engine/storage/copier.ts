/** The contents of a database to a file, and back. */
import { parseAddress } from "../database/address.js";
import type { Log } from "../log.js";
import { mariaDbCopier } from "./mariadb-copier.js";
import { sqliteCopier } from "./sqlite-copier.js";

export interface Copier {
  readonly dialect: "sqlite" | "mariadb";
  /** Of a copy's file: `.sqlite`. */
  readonly ending: string;
  /** Writes all that the database holds, as it was at one moment, to a new file that only its owner can read. Errors: ApiError. */
  dump(file: string): Promise<void>;
  /** Puts what the file holds in place of all that the database holds; after an error that is as it was. Errors: ApiError. */
  load(file: string, replacement?: Replacement): Promise<void>;
  /** Connections that others than this server's copier have to the database, as far as can be seen; 0 on SQLite. */
  others(): Promise<number>;
}

/** What is done about data that may be in use. */
export interface Replacement {
  /** Changes the new data, at an address of their own, before anybody sees them. Errors: ApiError, and nothing is replaced. */
  prepare(address: string): Promise<void>;
  /** A new file that gets what was there until the moment when the new data took its place. */
  keep: string;
}

/** `address` as `TBAPI_DB` has it. Errors: Error for one of another form. */
export function copierOf(address: string, log: Log): Copier {
  const parsed = parseAddress(address);
  return parsed.dialect === "sqlite" ? sqliteCopier(parsed.file) : mariaDbCopier(address, parsed, log);
}
