/** The session of one try of a transaction. */
import {
  DatabaseError,
  type Dialect,
  type QueryOptions,
  type QueryResult,
  type Session,
  type Statement,
} from "./database.js";

type Run = (statement: Statement, options?: QueryOptions) => QueryResult | Promise<QueryResult>;

/** Refuses statements that come after the transaction's end, which would belong to another. */
export class TransactionSession implements Session {
  readonly dialect: Dialect;
  #run: Run | undefined;

  constructor(dialect: Dialect, run: Run) {
    this.dialect = dialect;
    this.#run = run;
  }

  async run(statement: Statement, options?: QueryOptions): Promise<QueryResult> {
    if (this.#run === undefined) throw new DatabaseError("failed", "the transaction is over");
    return this.#run(statement, options);
  }

  close(): void {
    this.#run = undefined;
  }
}
