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
  load(file: string): Promise<void>;
}

/** `address` as `TBAPI_DB` has it. Errors: Error for one of another form. */
export function copierOf(address: string, log: Log): Copier {
  const parsed = parseAddress(address);
  return parsed.dialect === "sqlite" ? sqliteCopier(parsed.file) : mariaDbCopier(parsed, log);
}
