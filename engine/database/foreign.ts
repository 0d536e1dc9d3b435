/** Which statements an administrator may send: those of rows and tables, none of sessions, transactions and files. */
import { DatabaseError, type Dialect } from "./database.js";

const BOTH = "select with values explain insert replace update delete create alter drop analyze";

const ALLOWED: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  sqlite: new Set(BOTH.split(" ")),
  mariadb: new Set(`${BOTH} table show describe desc truncate call`.split(" ")),
};

const LEADING = /^(?:[\s;(]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*/;

/** The word that a statement begins with, in lower case. */
const firstWord = (text: string): string => /^\w*/.exec(text.replace(LEADING, ""))?.[0].toLowerCase() ?? "";

/** Errors: DatabaseError "syntax" for a statement that leaves something behind (`begin`, `set`, `lock`, `pragma`, `attach`). */
export function refuseOthers(text: string, dialect: Dialect): void {
  const word = firstWord(text);
  if (ALLOWED[dialect].has(word)) return;
  throw new DatabaseError("syntax", word === "" ? "there is no statement" : `a statement may not begin with '${word}'`);
}

export const changesSchema = (text: string): boolean => ["create", "alter", "drop"].includes(firstWord(text));

/** What a procedure leaves in its session nobody can tell. */
export const callsProcedure = (text: string): boolean => firstWord(text) === "call";
