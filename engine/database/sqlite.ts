/**
 * SQLite. The engine's own statements, known to be short, run in place: reads on one connection, changes on another, where
 * they are committed in groups (sqlite-writer.ts). What administrators wrote runs in processes that can be ended.
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Row } from "../request.js";
import {
  type BoundValue,
  type Column,
  type Database,
  DatabaseError,
  type ForeignOptions,
  type LockState,
  type PoolState,
  type QueryOptions,
  type QueryResult,
  type ResetReport,
  type Session,
  type Statement,
  type StatementFault,
} from "./database.js";
import { changesSchema, refuseOthers } from "./foreign.js";
import type { DatabaseOptions } from "./open.js";
import { retried } from "./retry.js";
import { RunningStatements } from "./running.js";
import { checkStatements, SCHEMA, schemaOf } from "./sqlite-catalogue.js";
import { type Prepared, SqliteConnection } from "./sqlite-connection.js";
import { SqliteForeign } from "./sqlite-foreign.js";
import { SqliteReader } from "./sqlite-reader.js";
import { SqliteWriter } from "./sqlite-writer.js";

/** Makes the file, and the folder for it, where there is none. Errors: DatabaseError "unavailable". */
export async function openSqlite(file: string, options: DatabaseOptions): Promise<Database> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new DatabaseError("unavailable", "the folder for the database can't be made", error);
  });
  return retried(async () => {
    const writing = new SqliteConnection(file);
    try {
      return new Sqlite(file, { writing, reading: new SqliteConnection(file, { readonly: true }) }, options);
    } catch (error) {
      writing.close();
      throw error;
    }
  });
}

class Sqlite implements Database {
  readonly dialect = "sqlite";
  #file: string;
  #timeout: () => number;
  #reader: SqliteReader;
  #writer: SqliteWriter;
  #running = new RunningStatements();
  #foreign: SqliteForeign;

  constructor(
    file: string,
    { reading, writing }: { reading: SqliteConnection; writing: SqliteConnection },
    { timeout }: DatabaseOptions,
  ) {
    this.#file = file;
    this.#timeout = timeout;
    this.#reader = new SqliteReader(reading);
    this.#writer = new SqliteWriter(writing, timeout, () => this.#reader.renew());
    this.#foreign = new SqliteForeign(file, this.#running);
  }

  async run(statement: Statement, options?: QueryOptions): Promise<QueryResult> {
    const prepared = this.#reader.connection.prepare(statement.text);
    if (!prepared.readonly) return this.#writer.run(statement, options);
    return this.#read(prepared, statement.values, options?.maxRows);
  }

  lookUp({ text, values }: Statement): Row[] | Promise<Row[]> {
    const found = this.#read(this.#reader.connection.prepare(text), values);
    return found instanceof Promise ? found.then(({ rows }) => rows) : found.rows;
  }

  async runForeign(statement: Statement, options: ForeignOptions = {}): Promise<QueryResult> {
    const { andThen = [], maxRows, timeout = this.#timeout() } = options;
    refuseOthers(statement.text, this.dialect);
    const task = { statement, andThen, maxRows };
    const reads = this.#reader.connection.prepareOnce(statement.text).readonly && andThen.length === 0;
    if (reads) return this.#foreign.run(task, timeout);
    const result = await this.#writer
      .exclusively(timeout, () => this.#foreign.run(task, timeout))
      .finally(() => this.#reader.renew());
    if (changesSchema(statement.text)) this.#forget();
    return result;
  }

  transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#writer.transaction(work);
  }

  check(texts: Iterable<string>): Promise<Map<string, StatementFault>> {
    return checkStatements(this.#reader.connection, new Set(texts));
  }

  async schema(): Promise<Map<string, Column[]>> {
    return schemaOf((await this.run({ text: SCHEMA, values: [] })).rows);
  }

  running(): { id: string; text: string; milliseconds: number }[] {
    return this.#running.list();
  }

  pools(): PoolState[] {
    const { writing, waiting } = this.#writer.state;
    return [{ name: "writer", size: 1, busy: writing === undefined ? 0 : 1, waiting }, this.#foreign.state];
  }

  /** There is one lock: that of whoever writes. */
  async locks(): Promise<LockState[]> {
    const { writing, waiting } = this.#writer.state;
    if (writing === undefined) return [];
    const waiter = waiting === 0 ? "" : `${waiting} changes`;
    return [{ holder: "the writer", waiter, what: "the database file", seconds: Math.round(writing / 1_000) }];
  }

  async reset(): Promise<ResetReport> {
    const { ended, busy } = this.#foreign.endIdle();
    await this.#writer.replace((old) => {
      old.close();
      return new SqliteConnection(this.#file);
    });
    this.#reader.close();
    this.#reader = new SqliteReader(new SqliteConnection(this.#file, { readonly: true }));
    return { closed: ended + 2, opened: 2, inUse: busy };
  }

  async close(): Promise<void> {
    await this.#foreign.close();
    this.#reader.close();
    await this.#writer.close();
  }

  /** A promise only where another process is in the way. */
  #read(prepared: Prepared, values: readonly BoundValue[], maxRows?: number): QueryResult | Promise<QueryResult> {
    try {
      return this.#reader.run(prepared, values, maxRows);
    } catch (error) {
      if (!isConflict(error)) throw error;
      return retried(async () => this.#reader.run(prepared, values, maxRows));
    }
  }

  #forget(): void {
    this.#reader.forget();
    this.#writer.forget();
  }
}

const isConflict = (error: unknown): boolean => error instanceof DatabaseError && error.kind === "conflict";
