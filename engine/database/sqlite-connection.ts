/** One connection to an SQLite file: prepared statements kept by their text, and results as cells. */
import BetterSqlite3 from "better-sqlite3";
import type { Cell, Row } from "../request.js";
import { blobCell, columnNames, realCell, wholeCell } from "./cells.js";
import type { BoundValue, QueryResult, Statement } from "./database.js";
import { limitRows } from "./row-sizes.js";
import { sqliteError } from "./sqlite-errors.js";

/** Prepared statements that a connection keeps. The oldest goes first: that needs no bookkeeping when one is found. */
const STATEMENTS = 1000;

/** What the driver's properties say is asked for once: each look at one is a call into the driver. */
export interface Prepared {
  readonly readonly: boolean;
  /** It gives rows. */
  readonly reads: boolean;
  readonly statement: BetterSqlite3.Statement<BoundValue[], unknown[]>;
  readonly columns: string[];
  /** In the order of `columns`. */
  readonly fields: readonly Field[];
  readonly inserts: boolean;
}

/** What becomes of one value of a row. */
interface Field {
  readonly name: string;
  /** Its place in the row: of several columns with one name the last counts. */
  readonly place: number;
  /** Declared as a decimal: a whole number is a decimal too. */
  readonly decimal: boolean;
  /** Digits behind the point that a decimal may have. */
  readonly digits: number | undefined;
}

export interface SqliteOptions {
  readonly?: boolean;
  /** Milliseconds for which the thread may stand still while another connection writes. */
  wait?: number;
}

export class SqliteConnection {
  #database: BetterSqlite3.Database;
  #statements = new Map<string, Prepared>();

  /** Errors: DatabaseError "unavailable", or "conflict" while another process opens the file. */
  constructor(file: string, { readonly = false, wait = 0 }: SqliteOptions = {}) {
    try {
      this.#database = new BetterSqlite3(file, { readonly, fileMustExist: readonly, timeout: wait });
      if (!readonly) this.#database.pragma("journal_mode = wal");
      this.#database.pragma("synchronous = full");
      this.#database.pragma("foreign_keys = on");
      this.#database.pragma("trusted_schema = off");
    } catch (error) {
      throw sqliteError(error);
    }
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  /** Errors: DatabaseError "syntax". */
  prepare(text: string): Prepared {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const prepared = this.prepareOnce(text);
    if (this.#statements.size >= STATEMENTS) {
      for (const oldest of this.#statements.keys()) {
        this.#statements.delete(oldest);
        break;
      }
    }
    this.#statements.set(text, prepared);
    return prepared;
  }

  /** As `prepare`, and does not keep it. */
  prepareOnce(text: string): Prepared {
    try {
      const statement = this.#database.prepare<BoundValue[], unknown[]>(text).safeIntegers(true);
      const { readonly, reader: reads } = statement;
      const declared = reads ? statement.columns() : [];
      // Rows as lists: the driver looks the names of a row's columns up anew for each row.
      if (reads) statement.raw(true);
      const columns = columnNames(declared);
      const fields = columns.map((name) => fieldOf(name, declared));
      const inserts = /^\s*(insert|replace)\b/i.test(text);
      return { statement, readonly, reads, columns, fields, inserts };
    } catch (error) {
      throw sqliteError(error);
    }
  }

  /** Prepares only to see whether that can be done. Errors: DatabaseError "syntax". */
  tryToPrepare(text: string): void {
    try {
      this.#database.prepare(text);
    } catch (error) {
      throw sqliteError(error);
    }
  }

  /** Errors: DatabaseError. */
  run(prepared: Prepared, values: readonly BoundValue[], maxRows?: number): QueryResult {
    const { statement, columns, fields } = prepared;
    try {
      if (!prepared.reads) return this.#change(prepared, bound(values));
      const lists = maxRows === undefined ? statement.all(...bound(values)) : firstRows(statement, values, maxRows + 1);
      const truncated = maxRows !== undefined && lists.length > maxRows;
      if (truncated) lists.pop();
      const rows = lists.map((list) => rowOf(list, fields));
      return { rows, columns, truncated, changed: prepared.readonly ? 0 : rows.length, insertId: 0 };
    } catch (error) {
      throw sqliteError(error);
    }
  }

  /** Prepares and runs. Errors: DatabaseError. */
  runStatement({ text, values }: Statement, maxRows?: number): QueryResult {
    return this.run(this.prepare(text), values, maxRows);
  }

  /** A statement of the connection's own: `begin immediate`, `commit`. Errors: DatabaseError. */
  control(text: string): void {
    this.run(this.prepare(text), []);
  }

  /** Sees what others have changed in the schema: a statement that is prepared alone does not look. */
  readSchema(): void {
    this.runStatement({ text: "select 1 from sqlite_schema limit 1", values: [] });
  }

  /** Forgets the prepared statements, whose columns are not right any more once the schema has changed. */
  forget(): void {
    this.#statements.clear();
    this.readSchema();
  }

  close(): void {
    this.#database.close();
  }

  #change({ statement, inserts }: Prepared, values: BoundValue[]): QueryResult {
    const { changes, lastInsertRowid } = statement.run(...values);
    const insertId = inserts && changes > 0 ? Number(lastInsertRowid) : 0;
    return { rows: [], columns: [], truncated: false, changed: changes, insertId };
  }
}

/** Declared types that MariaDB answers as decimals. */
export const isDecimal = (declared: string): boolean => /real|dec|num|doub|floa/i.test(declared);

function fieldOf(name: string, columns: readonly BetterSqlite3.ColumnDefinition[]): Field {
  const place = columns.findLastIndex((column) => column.name === name);
  const type = columns[place]?.type ?? "";
  const decimal = isDecimal(type);
  return { name, place, decimal, digits: decimal ? fractionDigits(type) : undefined };
}

/** A statement of somebody else may have stored more than `decimal(18,6)` says, which MariaDB would have rounded. */
function fractionDigits(declared: string): number | undefined {
  const digits = /(?:dec|num)\w*\s*\(\s*\d+\s*,\s*(\d+)\s*\)/i.exec(declared)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The driver sends a JavaScript number as a binary fraction, so whole ones go as bigint. */
const bound = (values: readonly BoundValue[]): BoundValue[] =>
  values.map((value) => (Number.isSafeInteger(value) ? BigInt(value as number) : value));

function firstRows(statement: Prepared["statement"], values: readonly BoundValue[], count: number): unknown[][] {
  const rows: unknown[][] = [];
  const add = limitRows();
  for (const row of statement.iterate(...bound(values))) {
    add(row);
    if (rows.push(row) === count) break;
  }
  return rows;
}

function rowOf(values: readonly unknown[], fields: readonly Field[]): Row {
  const row: Row = {};
  for (const field of fields) row[field.name] = cellOf(values[field.place], field);
  return row;
}

function cellOf(value: unknown, { decimal, digits }: Field): Cell {
  switch (typeof value) {
    case "bigint":
      return decimal ? value.toString() : wholeCell(value);
    case "number":
      return realCell(value, digits);
    case "object":
      return value === null ? null : blobCell(value as Uint8Array);
    default:
      return value as string;
  }
}
