/** A database in whose place another can be put while the server runs. */
import type { Log } from "../log.js";
import type { Row } from "../request.js";
import type {
  Column,
  Database,
  Dialect,
  ForeignOptions,
  LockState,
  PoolState,
  QueryOptions,
  QueryResult,
  Session,
  Statement,
  StatementFault,
} from "./database.js";

export class SwitchableDatabase implements Database {
  readonly dialect: Dialect;
  #current: Database;

  constructor(first: Database) {
    this.#current = first;
    this.dialect = first.dialect;
  }

  /** What begins from now on goes to `next`; what runs ends on the one before, which is closed then and not waited for. */
  replace(next: Database, log: Log): void {
    if (next.dialect !== this.dialect) throw new Error("a database can only be replaced by one of its kind");
    const before = this.#current;
    this.#current = next;
    before.close().catch((err: unknown) => log.warn({ event: "database", err }, "the database before can't be closed"));
  }

  run(statement: Statement, options?: QueryOptions): Promise<QueryResult> {
    return this.#current.run(statement, options);
  }

  lookUp(statement: Statement): Row[] | Promise<Row[]> {
    return this.#current.lookUp(statement);
  }

  runForeign(statement: Statement, options?: ForeignOptions): Promise<QueryResult> {
    return this.#current.runForeign(statement, options);
  }

  transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#current.transaction(work);
  }

  check(texts: Iterable<string>): Promise<Map<string, StatementFault>> {
    return this.#current.check(texts);
  }

  schema(): Promise<Map<string, Column[]>> {
    return this.#current.schema();
  }

  running(): { id: string; text: string; milliseconds: number }[] {
    return this.#current.running();
  }

  pools(): PoolState[] {
    return this.#current.pools();
  }

  locks(): Promise<LockState[]> {
    return this.#current.locks();
  }

  reset(): ReturnType<Database["reset"]> {
    return this.#current.reset();
  }

  close(): Promise<void> {
    return this.#current.close();
  }
}
