/** MariaDB's and MySQL's errors in plain words. */
import { DatabaseError, type DatabaseErrorKind } from "./database.js";
import * as words from "./words.js";

interface ServerError {
  errno?: number;
  sqlMessage?: string;
  code?: string;
}

/** The n-th quoted part of a server's message. */
const quoted = (message: string, index = 0): string =>
  [...message.matchAll(/'((?:[^']|'')*)'|`([^`]*)`/g)].map((match) => match[1] ?? match[2] ?? "")[index] ?? "";

const lastName = (name: string): string => name.split(".").at(-1) ?? name;

type Explain = (message: string) => string;
const column: Explain = (message) => words.unknownColumn(quoted(message));
const misfit: Explain = (message) => {
  const name = /column .*?[`']([^`']+)[`'] at row/i.exec(message)?.[1];
  return words.misfit(name === undefined ? undefined : lastName(name));
};

const ERRORS: Readonly<Record<number, readonly [DatabaseErrorKind, Explain]>> = {
  1062: ["duplicate", (message) => words.duplicate(columnsOfKey(/for key '(.+)'$/.exec(message)?.[1] ?? ""))],
  1048: ["constraint", (message) => words.missing(quoted(message))],
  1364: ["constraint", (message) => words.missing(quoted(message))],
  1451: ["constraint", () => words.REFERENCED],
  1452: ["constraint", () => words.UNREFERENCED],
  3819: ["constraint", (message) => words.check(quoted(message))],
  4025: ["constraint", (message) => words.check(lastName(quoted(message)))],
  1054: ["syntax", column],
  1146: ["syntax", (message) => words.unknownTable(lastName(quoted(message)))],
  1051: ["syntax", (message) => words.unknownTable(lastName(quoted(message)))],
  1109: ["syntax", (message) => words.unknownTable(lastName(quoted(message)))],
  1305: ["syntax", (message) => words.unknownFunction(lastName(/\w+ (\S+) does not exist/.exec(message)?.[1] ?? ""))],
  1630: ["syntax", (message) => words.unknownFunction(lastName(/FUNCTION (\S+)/i.exec(message)?.[1] ?? ""))],
  1064: ["syntax", (message) => words.syntax(nearOf(message))],
  1052: ["syntax", (message) => words.ambiguous(quoted(message))],
  1210: ["syntax", () => words.UNBOUND],
  1136: ["syntax", () => words.COLUMN_COUNT],
  1264: ["value", misfit],
  1265: ["value", misfit],
  1292: ["value", misfit],
  1366: ["value", misfit],
  1406: ["value", misfit],
  1365: ["value", () => "a value is divided by zero"],
  1690: ["value", misfit],
  1317: ["timeout", () => words.ENDED],
  1969: ["timeout", () => words.ENDED],
  3024: ["timeout", () => words.ENDED],
  1020: ["conflict", () => words.CONFLICT],
  1205: ["conflict", () => words.CONFLICT],
  1213: ["conflict", () => words.CONFLICT],
  // What a deadlock over the next number of a table ends with
  1467: ["conflict", () => words.CONFLICT],
  1040: ["unavailable", () => "the database has too many connections"],
  1044: ["unavailable", () => words.REFUSED],
  1045: ["unavailable", () => words.REFUSED],
  1698: ["unavailable", () => words.REFUSED],
  1049: ["unavailable", () => "the database server has no database of that name"],
  1047: ["unavailable", () => words.UNREACHABLE],
  1053: ["unavailable", () => words.UNREACHABLE],
  1290: ["unavailable", () => words.READ_ONLY],
  1792: ["unavailable", () => words.READ_ONLY],
  1836: ["unavailable", () => words.READ_ONLY],
  1927: ["unavailable", () => words.UNREACHABLE],
  1142: ["failed", () => "the database's user may not do this"],
  1143: ["failed", () => "the database's user may not do this"],
  1227: ["failed", () => "the database's user may not do this"],
};

/** The statement's text from where the parser stopped, as far as the server quotes it. */
export const nearOf = (message: string): string => /near '([\s\S]*)' at line \d+$/.exec(message)?.[1] ?? "";

/** Unique keys are named `<table>_<columns>_unique` by the migrations. */
function columnsOfKey(key: string): string {
  const name = lastName(key);
  if (name === "PRIMARY") return words.PRIMARY_KEY;
  return name
    .replace(/^tb_[a-z]+_/, "")
    .replace(/_unique$/, "")
    .replaceAll("_", ", ");
}

/** A fault of the server's own files names their paths, which are nobody's business. */
const OF_FILES = /errcode|'\.{0,2}\//i;

/** Any error of the driver, as one that may be shown. */
export function mariaDbError(cause: unknown): DatabaseError {
  if (cause instanceof DatabaseError) return cause;
  const { errno = 0, sqlMessage } = cause as ServerError;
  const known = ERRORS[errno];
  if (known !== undefined) return new DatabaseError(known[0], known[1](sqlMessage ?? ""), cause);
  if (sqlMessage === undefined) return withoutServer(cause as ServerError);
  if (OF_FILES.test(sqlMessage)) return new DatabaseError("failed", words.NOT_DONE, cause);
  // Errors of the parser and of the preparation that have no line of their own above
  const kind = errno < 2000 || errno >= 3000 ? "syntax" : "failed";
  return new DatabaseError(kind, words.ownWords(sqlMessage), cause);
}

/** An error that no server sent: of the connection, or of a value that can't be sent. */
function withoutServer(cause: ServerError): DatabaseError {
  if (cause instanceof RangeError || cause instanceof TypeError) {
    return new DatabaseError("value", words.misfit(undefined), cause);
  }
  return new DatabaseError("unavailable", words.UNREACHABLE, cause);
}
