/** One statement on one connection: values on their way there, cells on their way back. */
import mysql, { type Connection, type FieldPacket, type ResultSetHeader, type TypedParameterValue } from "mysql2";
import type { Row } from "../request.js";
import { columnNames } from "./cells.js";
import { type BoundValue, noResult, type QueryResult, type Statement } from "./database.js";
import { conversionOf } from "./mariadb-cells.js";
import { limitRows } from "./row-sizes.js";

/** `cut`: rows were left unread, so that nobody may use the connection again. */
export type Done = (error: unknown, result: QueryResult, cut: boolean) => void;

type Bound = BoundValue | TypedParameterValue;
type Fields = FieldPacket[] | undefined;
/** A row, or the head of a statement that has no rows. */
type Raw = Row | ResultSetHeader;

/** Runs a statement and reads all of its rows. Of a procedure with several results the first one with rows counts. */
export function runWhole(connection: Connection, statement: Statement, done: Done): void {
  const values = bound(statement.values);
  connection.execute(statement.text, values, (error, answer: unknown, fields: unknown) => {
    if (error) done(error, noResult(), false);
    else done(null, firstResult(answer as Raw[], fields as Fields | Fields[], statement.text), false);
  });
}

/** Rows too many that are read and thrown away, which costs less than another connection. */
const SURPLUS = 1000;

/**
 * Runs a statement and keeps `maxRows` of its rows. With far more of them it is done at once, and `cut` tells that the rest
 * is still on its way; where the connection is needed afterwards (`drain`) the rest is read and thrown away.
 */
export function runCut(
  connection: Connection,
  statement: Statement,
  { maxRows, drain }: { maxRows: number; drain: boolean },
  done: Done,
): void {
  const rows: Row[] = [];
  const add = limitRows();
  let tooLong: unknown;
  let fields: Fields;
  let header: ResultSetHeader | undefined;
  let surplus = 0;
  let over = false;
  const finish = (error: unknown, cut: boolean) => {
    if (over) return;
    over = true;
    if (error) return done(error, noResult(), cut);
    const result = fields ? rowResult(rows, fields, statement.text) : headResult(header);
    done(null, { ...result, truncated: surplus > 0 }, cut);
  };
  const keep = (row: Row) => {
    try {
      add(row);
      rows.push(row);
    } catch (error) {
      tooLong = error;
      rows.length = 0;
      if (!drain) finish(error, true);
    }
  };
  const command = connection.execute(statement.text, bound(statement.values));
  command.on("fields", (sent: Fields) => {
    fields ??= sent;
  });
  command.on("result", (sent: Raw, index?: number) => {
    if (isHeader(sent)) header ??= sent;
    else if ((index ?? 0) > 0 || over || tooLong) return;
    else if (rows.length < maxRows) keep(sent);
    else if (++surplus > SURPLUS && !drain) finish(undefined, true);
  });
  command.on("error", (error: unknown) => finish(error, false));
  command.on("end", () => finish(tooLong, false));
}

/** A JavaScript number would be sent as a double, which `limit ?` refuses. */
const bound = (values: readonly BoundValue[]): Bound[] =>
  values.map((value) =>
    typeof value === "bigint" || Number.isSafeInteger(value) ? mysql.TypedParameter.LONGLONG(value as bigint) : value,
  );

const isHeader = (sent: Raw): sent is ResultSetHeader => sent.constructor.name === "ResultSetHeader";

function firstResult(answer: Raw[] | Raw, fields: Fields | Fields[], text: string): QueryResult {
  if (fields === undefined) return headResult(answer as ResultSetHeader);
  if (!fields.some((field) => field === undefined || Array.isArray(field))) {
    return rowResult(answer as Row[], fields as FieldPacket[], text);
  }
  const index = fields.findIndex((field) => field !== undefined);
  const results = answer as unknown as (Row[] | ResultSetHeader)[];
  if (index < 0) return headResult(results[0] as ResultSetHeader);
  return rowResult(results[index] as Row[], fields[index] as FieldPacket[], text);
}

const headResult = (header: ResultSetHeader | undefined): QueryResult => ({
  ...noResult(),
  changed: header?.affectedRows ?? 0,
  insertId: header?.insertId ?? 0,
});

/** `insert ... returning` shows the rows that it made. */
const SHOWS_CHANGES = /^\s*(insert|replace|delete)\b/i;

function rowResult(rows: Row[], fields: FieldPacket[], text: string): QueryResult {
  for (const field of fields) {
    const convert = conversionOf(field);
    if (convert === undefined) continue;
    const { name } = field;
    for (const row of rows) {
      const value = row[name] as unknown;
      if (value !== null) row[name] = convert(value);
    }
  }
  const changed = SHOWS_CHANGES.test(text) ? rows.length : 0;
  return { rows, columns: columnNames(fields), truncated: false, changed, insertId: 0 };
}
