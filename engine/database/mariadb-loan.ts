/** A connection on loan from a pool: statements under a time limit, and its return in a state in which others may have it. */
import type { PoolConnection } from "mysql2";
import { DatabaseError, noResult, type QueryResult, type Statement } from "./database.js";
import { mariaDbError } from "./mariadb-errors.js";
import type { ConnectionPool } from "./mariadb-pool.js";
import { runCut, runWhole } from "./mariadb-statement.js";
import type { RunningStatements } from "./running.js";
import * as words from "./words.js";

export interface LoanOptions {
  pool: ConnectionPool;
  running: RunningStatements;
  /** Ends what the server does for a connection. */
  endOnServer: (connection: PoolConnection) => void;
}

export interface StatementLimits {
  /** Milliseconds that it may take, and that it may have to wait for the connection before. */
  limit: number;
  maxRows?: number | undefined;
  /** The connection is needed afterwards, so that rows beyond `maxRows` are read and thrown away. */
  drain?: boolean;
}

type Done = (error: DatabaseError | null, result: QueryResult) => void;

export class Loan {
  #options: LoanOptions;
  #connection: PoolConnection | undefined;
  #spoilt = false;

  constructor(options: LoanOptions) {
    this.#options = options;
  }

  /** Runs a statement; the first one waits for the connection. `done` is called once, in time. */
  execute(statement: Statement, limits: StatementLimits, done: Done): void {
    const { running } = this.#options;
    const item = running.begin(statement.text, limits.limit, () => done(this.#overdue(limits.limit), noResult()));
    this.#connected((connectError, connection) => {
      if (connectError) {
        if (running.end(item)) done(mariaDbError(connectError), noResult());
        return;
      }
      running.restart(item, limits.limit);
      const ended = (error: unknown, result: QueryResult, cut: boolean) => {
        if (!running.end(item)) return;
        this.#spoilt ||= cut;
        if (error) done(this.#failed(error), noResult());
        else done(null, result);
      };
      const { maxRows, drain = false } = limits;
      try {
        if (maxRows === undefined) runWhole(connection, statement, ended);
        else runCut(connection, statement, { maxRows, drain }, ended);
      } catch (error) {
        ended(error, noResult(), false); // a value that can't be sent
      }
    });
  }

  /** As `execute`. */
  step(statement: Statement, limits: StatementLimits): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      this.execute(statement, limits, (error, result) => (error ? reject(error) : resolve(result)));
    });
  }

  /** `start transaction`, `commit` or `rollback`, which not every server prepares. */
  control(text: string, limit: number): Promise<void> {
    const { running } = this.#options;
    return new Promise((resolve, reject) => {
      const item = running.begin(text, limit, () => reject(this.#overdue(limit)));
      this.#connected((connectError, connection) => {
        if (connectError) return running.end(item) ? reject(mariaDbError(connectError)) : undefined;
        connection.query(text, (error) => {
          if (!running.end(item)) return;
          if (error) reject(this.#failed(error));
          else resolve();
        });
      });
    });
  }

  /** Ends the loan. `rollback`: a transaction may be open; `discard`: nobody else may have the connection. */
  giveBack({ rollback, discard = false }: { rollback: boolean; discard?: boolean }): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { pool } = this.#options;
    const spoilt = this.#spoilt || discard;
    if (spoilt || !rollback) pool.giveBack(connection, spoilt);
    else connection.query("rollback", (error) => pool.giveBack(connection, error !== null));
  }

  #connected(use: (error: unknown, connection: PoolConnection) => void): void {
    if (this.#spoilt) {
      use(new DatabaseError("unavailable", words.UNREACHABLE), undefined as never);
      return;
    }
    if (this.#connection !== undefined) {
      use(null, this.#connection);
      return;
    }
    this.#options.pool.lend((error, connection) => {
      if (error) return use(error, connection);
      // Nobody waits any more: the time limit passed
      if (this.#spoilt) return this.#options.pool.giveBack(connection);
      this.#connection = connection;
      use(null, connection);
    });
  }

  #overdue(limit: number): DatabaseError {
    this.#spoilt = true;
    if (this.#connection === undefined) return new DatabaseError("unavailable", words.BUSY);
    this.#options.endOnServer(this.#connection);
    return new DatabaseError("timeout", words.overdue(limit));
  }

  #failed(cause: unknown): DatabaseError {
    const error = mariaDbError(cause);
    this.#spoilt ||= error.kind === "unavailable" || error.kind === "timeout";
    return error;
  }
}
