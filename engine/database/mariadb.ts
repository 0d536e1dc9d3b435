/** MariaDB and MySQL. The driver's callbacks rather than its promises: they cost a request less. */
import type { Row } from "../request.js";
import type { MariaDbAddress } from "./address.js";
import { expectChanges } from "./consequence.js";
import {
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
import { callsProcedure, refuseOthers } from "./foreign.js";
import { checkStatements, SCHEMA, schemaOf, textBatches } from "./mariadb-catalogue.js";
import { Loan, type StatementLimits } from "./mariadb-loan.js";
import { lockStates } from "./mariadb-locks.js";
import { LookUps } from "./mariadb-lookups.js";
import { ConnectionPool, connectOnce, endOnServer, hangUp } from "./mariadb-pool.js";
import type { DatabaseOptions } from "./open.js";
import { retried } from "./retry.js";
import { RunningStatements } from "./running.js";
import { TransactionSession } from "./transaction-session.js";

/** Connections for what administrators wrote: however long that takes, the engine's own statements have theirs. */
const FOREIGN_POOL = 4;

/** Connections that check the statements of definitions. */
const CHECKERS = 3;

/** Errors: DatabaseError "unavailable". */
export async function openMariaDb(address: MariaDbAddress, options: DatabaseOptions): Promise<Database> {
  const database = new MariaDb(address, options);
  try {
    await database.run({ text: "select 1", values: [] });
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

class MariaDb implements Database {
  readonly dialect = "mariadb";
  #address: MariaDbAddress;
  #options: DatabaseOptions;
  #own: ConnectionPool;
  #foreign: ConnectionPool;
  #running = new RunningStatements();
  #lookUps: LookUps;

  constructor(address: MariaDbAddress, options: DatabaseOptions) {
    this.#address = address;
    this.#options = options;
    [this.#own, this.#foreign] = this.#pools();
    this.#lookUps = this.#makeLookUps();
  }

  run(statement: Statement, options?: QueryOptions): Promise<QueryResult> {
    const loan = this.#loan(this.#own);
    return new Promise((resolve, reject) => {
      loan.execute(statement, this.#limits(options), (error, result) => {
        loan.giveBack({ rollback: false });
        if (error) reject(error);
        else resolve(result);
      });
    });
  }

  lookUp(statement: Statement): Promise<Row[]> {
    const inPool = () => this.run(statement).then(({ rows }) => rows);
    // It changes nothing, so that it can be repeated where a shared connection fails; the pool tells then what is wrong
    const found = this.#lookUps.find(statement);
    return found?.catch((error) => (isTimeout(error) ? Promise.reject(error) : inPool())) ?? inPool();
  }

  async runForeign(statement: Statement, options: ForeignOptions = {}): Promise<QueryResult> {
    refuseOthers(statement.text, this.dialect);
    const { andThen = [] } = options;
    return andThen.length === 0 ? this.#alone(statement, options) : retried(() => this.#together(statement, options));
  }

  transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return retried(async () => {
      const loan = this.#loan(this.#own);
      const session = new TransactionSession(this.dialect, (statement, options) =>
        loan.step(statement, { ...this.#limits(options), drain: true }),
      );
      let rollback = true;
      try {
        await loan.control("start transaction", this.#options.timeout());
        const value = await work(session);
        await loan.control("commit", this.#options.timeout());
        rollback = false;
        return value;
      } finally {
        session.close();
        loan.giveBack({ rollback });
      }
    });
  }

  async check(texts: Iterable<string>): Promise<Map<string, StatementFault>> {
    const batches = textBatches(texts);
    const faults = new Map<string, StatementFault>();
    const checker = async () => {
      const connection = await connectOnce(this.#address, this.#options.timeout(), { multipleStatements: true });
      try {
        await checkStatements(connection, batches, faults);
      } finally {
        hangUp(connection);
      }
    };
    await Promise.all(Array.from({ length: CHECKERS }, checker));
    return faults;
  }

  async schema(): Promise<Map<string, Column[]>> {
    return schemaOf((await this.run({ text: SCHEMA, values: [] })).rows);
  }

  running(): { id: string; text: string; milliseconds: number }[] {
    return this.#running.list();
  }

  pools(): PoolState[] {
    return [
      { name: "connections", ...this.#own.state },
      { name: "connections of administrators", ...this.#foreign.state },
      { name: "connections of look-ups", ...this.#lookUps.state },
    ];
  }

  locks(): Promise<LockState[]> {
    return lockStates((text) => this.run({ text, values: [] }));
  }

  async reset(): Promise<ResetReport> {
    const old = [this.#own, this.#foreign];
    const inUse = old.reduce((sum, pool) => sum + pool.lent, 0);
    const open = old.reduce((sum, pool) => sum + pool.open, 0);
    [this.#own, this.#foreign] = this.#pools();
    for (const pool of old) void pool.retire();
    void this.#lookUps.close();
    this.#lookUps = this.#makeLookUps();
    await this.run({ text: "select 1", values: [] });
    return { closed: open - inUse, opened: this.#own.open, inUse };
  }

  async close(): Promise<void> {
    await Promise.all([this.#own.retire(), this.#foreign.retire(), this.#lookUps.close()]);
  }

  /** Whatever the statement did, no transaction is left open. */
  async #alone(statement: Statement, options: QueryOptions): Promise<QueryResult> {
    const loan = this.#loan(this.#foreign);
    try {
      return await loan.step(statement, this.#limits(options));
    } finally {
      loan.giveBack({ rollback: true, discard: callsProcedure(statement.text) });
    }
  }

  async #together(statement: Statement, options: ForeignOptions): Promise<QueryResult> {
    const loan = this.#loan(this.#foreign);
    const limits = this.#limits(options);
    try {
      await loan.control("start transaction", limits.limit);
      const result = await loan.step(statement, { ...limits, drain: true });
      for (const next of options.andThen ?? []) expectChanges(next, await loan.step(next, limits));
      await loan.control("commit", limits.limit);
      return result;
    } finally {
      loan.giveBack({ rollback: true, discard: callsProcedure(statement.text) });
    }
  }

  #pools(): [ConnectionPool, ConnectionPool] {
    const { pool } = this.#address;
    return [
      new ConnectionPool(this.#address, pool, this.#options.timeout),
      new ConnectionPool(this.#address, FOREIGN_POOL, this.#options.timeout),
    ];
  }

  #makeLookUps(): LookUps {
    return new LookUps(this.#address, this.#options.timeout, this.#running);
  }

  #loan(pool: ConnectionPool): Loan {
    return new Loan({ pool, running: this.#running, endOnServer: this.#endOnServer });
  }

  #limits(options: QueryOptions | undefined): StatementLimits {
    return { limit: options?.timeout ?? this.#options.timeout(), maxRows: options?.maxRows };
  }

  #endOnServer: ConstructorParameters<typeof Loan>[0]["endOnServer"] = (connection) =>
    endOnServer(this.#address, connection).catch((error: unknown) =>
      this.#options.log.warn(
        { error },
        "a statement that took too long could not be ended: the server's own limit will",
      ),
    );
}

const isTimeout = (error: unknown): boolean => error instanceof DatabaseError && error.kind === "timeout";
