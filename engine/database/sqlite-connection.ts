/** One connection to an SQLite file: prepared statements kept by their text, and results as cells. */
import BetterSqlite3 from "better-sqlite3";
import type { Cell, Row } from "../request.js";
import { blobCell, columnNames, realCell, wholeCell } from "./cells.js";
import type { BoundValue, QueryResult, Statement } from "./database.js";
import { limitRows } from "./row-sizes.js";
import { sqliteError } from "./sqlite-errors.js";

/** Prepared statements that a connection keeps. The oldest goes first: that needs no bookkeeping when one is found. */
const STATEMENTS = 1000;

export interface Prepared {
  readonly readonly: boolean;
  readonly statement: BetterSqlite3.Statement<BoundValue[], Row>;
  readonly columns: string[];
  /** Columns declared as decimals, where a whole number is a decimal too, with the places that they may have. */
  readonly decimals: ReadonlyMap<string, number | undefined>;
  readonly inserts: boolean;
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
      const statement = this.#database.prepare<BoundValue[], Row>(text).safeIntegers(true);
      const columns = statement.reader ? statement.columns() : [];
      return {
        statement,
        readonly: statement.readonly,
        columns: columnNames(columns),
        decimals: new Map(
          columns.flatMap(({ name, type }) => (isDecimal(type ?? "") ? [[name, placesOf(type ?? "")] as const] : [])),
        ),
        inserts: /^\s*(insert|replace)\b/i.test(text),
      };
    } catch (error) {
      throw sqliteError(error);
    }
  }

  /** Errors: DatabaseError. */
  run(prepared: Prepared, values: readonly BoundValue[], maxRows?: number): QueryResult {
    const { statement, columns } = prepared;
    try {
      if (!statement.reader) return this.#change(prepared, bound(values));
      const rows = maxRows === undefined ? statement.all(...bound(values)) : firstRows(statement, values, maxRows + 1);
      const truncated = maxRows !== undefined && rows.length > maxRows;
      if (truncated) rows.pop();
      for (const row of rows) toCells(row, prepared);
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

/** A statement of somebody else may have stored more than `decimal(18,6)` says, which MariaDB would have rounded. */
function placesOf(declared: string): number | undefined {
  const places = /(?:dec|num)\w*\s*\(\s*\d+\s*,\s*(\d+)\s*\)/i.exec(declared)?.[1];
  return places === undefined ? undefined : Number(places);
}

/** The driver sends a JavaScript number as a binary fraction, so whole ones go as bigint. */
const bound = (values: readonly BoundValue[]): BoundValue[] =>
  values.map((value) => (Number.isSafeInteger(value) ? BigInt(value as number) : value));

function firstRows(
  statement: BetterSqlite3.Statement<BoundValue[], Row>,
  values: readonly BoundValue[],
  count: number,
): Row[] {
  const rows: Row[] = [];
  const add = limitRows();
  for (const row of statement.iterate(...bound(values))) {
    add(row);
    if (rows.push(row) === count) break;
  }
  return rows;
}

function toCells(row: Row, { columns, decimals }: Prepared): void {
  for (const column of columns) {
    const value: unknown = row[column];
    switch (typeof value) {
      case "bigint":
        row[column] = decimals.has(column) ? value.toString() : wholeCell(value);
        break;
      case "number":
        row[column] = realCell(value, decimals.get(column));
        break;
      case "object":
        if (value !== null) row[column] = blobCell(value as Uint8Array) satisfies Cell;
        break;
    }
  }
}
