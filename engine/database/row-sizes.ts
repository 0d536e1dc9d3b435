/** How much the rows of one answer may take: making far more into an answer would stop all others. */
import { DatabaseError } from "./database.js";
import * as words from "./words.js";

const MOST_BYTES = 16_777_216;

/**
 * Gives a function that takes the rows one by one, as lists of values or by the names of their columns.
 * Errors: DatabaseError "failed" once they are too long together.
 */
export function limitRows(): (row: object) => void {
  let taken = 0;
  return (row) => {
    for (const cell of Object.values(row) as unknown[])
      if (typeof cell === "string" || cell instanceof Uint8Array) taken += cell.length;
    if (taken > MOST_BYTES) throw new DatabaseError("failed", words.TOO_LONG);
  };
}
