/** What belongs to a change and is carried out with it, in one transaction. */
import { DatabaseError, type QueryResult, type Statement } from "./database.js";
import * as words from "./words.js";

/** A statement of the engine's own. */
export interface Consequence extends Statement {
  /** Rows that it must change, or nothing of all is done. */
  changes?: number;
}

/** Errors: DatabaseError "absent". */
export function expectChanges({ changes }: Consequence, { changed }: QueryResult): void {
  if (changes !== undefined && changed !== changes) throw new DatabaseError("absent", words.ABSENT);
}
