/** SQLite's errors in plain words. */
import { DatabaseError, type DatabaseErrorKind } from "./database.js";
import * as words from "./words.js";

type Explained = readonly [DatabaseErrorKind, string];

const last = (name: string): string => name.trim().split(".").at(-1) ?? name;
const afterColon = (message: string): string => message.slice(message.indexOf(":") + 1).trim();

/** `tb_a.x, tb_a.y` is `x, y`. */
const columnsOf = (message: string): string => afterColon(message).split(",").map(last).join(", ");

/** A rule of the migrations that holds a column to its type, as MariaDB does. */
const TYPE_RULE = /typeof\("?(\w+)"?\)/;

function checkFailed(message: string): Explained {
  const column = TYPE_RULE.exec(message)?.[1];
  return column === undefined ? ["constraint", words.check(afterColon(message))] : ["value", words.misfit(column)];
}

const BY_CODE: readonly [prefix: string, explain: (message: string) => Explained][] = [
  ["SQLITE_CONSTRAINT_UNIQUE", (message) => ["duplicate", words.duplicate(columnsOf(message))]],
  ["SQLITE_CONSTRAINT_PRIMARYKEY", () => ["duplicate", words.duplicate(words.PRIMARY_KEY)]],
  ["SQLITE_CONSTRAINT_ROWID", () => ["duplicate", words.duplicate(words.PRIMARY_KEY)]],
  ["SQLITE_CONSTRAINT_NOTNULL", (message) => ["constraint", words.missing(last(afterColon(message)))]],
  ["SQLITE_CONSTRAINT_CHECK", checkFailed],
  ["SQLITE_CONSTRAINT_FOREIGNKEY", () => ["constraint", words.REFERENCED]],
  ["SQLITE_CONSTRAINT", (message) => ["constraint", words.ownWords(message)]],
  ["SQLITE_MISMATCH", () => ["value", words.misfit(undefined)]],
  ["SQLITE_TOOBIG", () => ["value", words.misfit(undefined)]],
  ["SQLITE_BUSY", () => ["conflict", words.BUSY]],
  ["SQLITE_LOCKED", () => ["conflict", words.BUSY]],
  ["SQLITE_READONLY", () => ["unavailable", words.READ_ONLY]],
  ["SQLITE_FULL", () => ["unavailable", "the disk of the database is full"]],
  ["SQLITE_CANTOPEN", () => ["unavailable", "the file of the database can't be opened"]],
  ["SQLITE_NOTADB", () => ["unavailable", "the file is no database"]],
  ["SQLITE_IOERR", () => ["unavailable", words.UNREACHABLE]],
  ["SQLITE_CORRUPT", () => ["unavailable", "the file of the database is damaged"]],
];

/** Messages of the parser; the group is what they are about. */
const BY_MESSAGE: readonly [RegExp, (part: string) => string][] = [
  [/^no such column: "?(.+?)"?(?: - .*)?$/, (name) => words.unknownColumn(name)],
  [/has no column named (.+)$/, (name) => words.unknownColumn(name)],
  [/^no such table: (.+)$/, (name) => words.unknownTable(last(name))],
  [/^no such function: (.+)$/, (name) => words.unknownFunction(name)],
  [/^ambiguous column name: (.+)$/, (name) => words.ambiguous(name)],
  [/^near "([\s\S]*)": syntax error$/, (near) => words.syntax(near)],
  [/^incomplete input$/, () => words.syntax("")],
  [/^\d+ values for \d+ columns$/, () => words.COLUMN_COUNT],
  [/^table \S+ has \d+ columns but \d+ values/, () => words.COLUMN_COUNT],
];

/** What a message of the parser is about, for its place in the text. */
export function subjectOf(message: string): string | undefined {
  for (const [pattern] of BY_MESSAGE) {
    const subject = pattern.exec(message)?.[1];
    if (subject !== undefined) return last(subject);
  }
  return undefined;
}

/** Any error of the driver, as one that may be shown. */
export function sqliteError(cause: unknown): DatabaseError {
  if (cause instanceof DatabaseError) return cause;
  const { code = "", message = "" } = cause as { code?: string; message?: string };
  const explain = BY_CODE.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (explain !== undefined) return new DatabaseError(...explain(message), cause);
  if (code === "SQLITE_ERROR") return new DatabaseError("syntax", parserWords(message), cause);
  if (/more than one statement|no statements/.test(message)) {
    return new DatabaseError("syntax", "it must be one statement", cause);
  }
  if (/too few parameter/i.test(message)) return new DatabaseError("syntax", words.UNBOUND, cause);
  // A value that can't be sent
  if (cause instanceof RangeError || cause instanceof TypeError) {
    return new DatabaseError("value", words.misfit(undefined), cause);
  }
  return new DatabaseError("failed", words.NOT_DONE, cause);
}

function parserWords(message: string): string {
  for (const [pattern, explain] of BY_MESSAGE) {
    const match = pattern.exec(message);
    if (match !== null) return explain(match[1] ?? "");
  }
  return words.ownWords(message);
}
