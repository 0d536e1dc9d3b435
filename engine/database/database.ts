/** The two databases behind one interface. Everything above this folder sends text with `?` placeholders and bound values. */
import type { Row } from "../request.js";
import type { Consequence } from "./consequence.js";

export type Dialect = "sqlite" | "mariadb";

/** What may be bound. Whole numbers are sent as integers; money is sent as its decimal text. */
export type BoundValue = string | number | bigint | Buffer | null;

export interface Statement {
  /** With one `?` for each value. */
  readonly text: string;
  readonly values: readonly BoundValue[];
}

export interface QueryResult {
  rows: Row[];
  columns: string[];
  /** True when `maxRows` cut the result. */
  truncated: boolean;
  /** Rows changed or inserted; 0 for a select. On both databases a row that matched but kept its values counts. */
  changed: number;
  /** Id of the row that an insert made, or 0. */
  insertId: number;
}

/** Of a statement that did nothing. */
export const noResult = (): QueryResult => ({ rows: [], columns: [], truncated: false, changed: 0, insertId: 0 });

export interface QueryOptions {
  /** Shows at most so many rows; the rest is not read into memory. */
  maxRows?: number;
  /** Milliseconds until the statement is ended; the setting `sqltimeout` where absent. */
  timeout?: number;
}

export interface ForeignOptions extends QueryOptions {
  /** Run after the statement in one transaction, all or none. */
  andThen?: readonly Consequence[];
}

/** Runs statements one after the other. */
export interface Session {
  readonly dialect: Dialect;
  /** Errors: {@link DatabaseError}. */
  run(statement: Statement, options?: QueryOptions): Promise<QueryResult>;
}

export interface Database extends Session {
  /**
   * Finds rows by an index, for what every request asks: without a promise where the database can.
   * Errors: {@link DatabaseError}, thrown or as a rejection.
   */
  lookUp(statement: Statement): Row[] | Promise<Row[]>;
  /** As `run`, for statements that an administrator wrote or that may take long: on SQLite in a process that can be ended. */
  runForeign(statement: Statement, options?: ForeignOptions): Promise<QueryResult>;
  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. Deadlocks and serialisation
   * failures are retried a bounded number of times, so `work` may run more than once and must change nothing but the database.
   */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** Prepares each text against the live schema, in slices; answers the faulty ones with the database's reason in plain words. */
  check(texts: Iterable<string>): Promise<Map<string, StatementFault>>;
  /** Columns of each table of the live schema, in lower case, in their order; read again by each call. */
  schema(): Promise<Map<string, Column[]>>;
  /** Statements running now. */
  running(): { id: string; text: string; milliseconds: number }[];
  /** Its connections, and the processes that stand for some. */
  pools(): PoolState[];
  /** Who holds and who waits for locks, as far as the rights of the account go. Errors: {@link DatabaseError}. */
  locks(): Promise<LockState[]>;
  /** Closes the connections that are idle and opens fresh ones; those in use end with their statements. */
  reset(): Promise<ResetReport>;
  close(): Promise<void>;
}

export interface PoolState {
  name: string;
  /** How many there may be. */
  size: number;
  busy: number;
  /** Statements and transactions that wait for one. */
  waiting: number;
}

export interface LockState {
  /** `connection 12`, `the writer`. */
  holder: string;
  /** Who waits for it; empty when nobody does. */
  waiter: string;
  what: string;
  seconds: number;
}

/** Numbers of connections; on SQLite the processes for statements of administrators have one each. */
export interface ResetReport {
  closed: number;
  opened: number;
  /** Closed later. */
  inUse: number;
}

export interface Column {
  name: string;
  kind: "integer" | "decimal" | "text" | "datetime" | "blob";
  nullable: boolean;
}

export interface StatementFault {
  /** Without a driver's code, path or host: `unknown column 'nosuch'`. */
  message: string;
  /** Offset in the statement's text, where the database tells. */
  offset?: number;
}

export type DatabaseErrorKind =
  | "duplicate" /* a unique key is taken */
  | "constraint" /* another constraint is broken */
  | "syntax" /* the statement is not understood: unknown table, column, word */
  | "value" /* a value does not fit its column */
  | "timeout" /* ended, since it took longer than it may */
  | "conflict" /* deadlock or serialisation failure; a transaction retries it */
  | "unavailable" /* no connection */
  | "absent" /* what had to be there is gone */
  | "failed";

/** What went wrong in the database. `message` is in plain words and may be shown to an administrator. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly kind: DatabaseErrorKind;
  constructor(kind: DatabaseErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}
