/**
 * The connection that reads. A read alone locks the file and lets it go again, which takes as long as the read; so all reads
 * of one turn of the event loop but the first share a transaction. They see one state, the newest of this process's own.
 */
import type { BoundValue, QueryResult } from "./database.js";
import type { Prepared, SqliteConnection } from "./sqlite-connection.js";

export class SqliteReader {
  readonly connection: SqliteConnection;
  /** Reads of this turn. */
  #reads = 0;

  constructor(connection: SqliteConnection) {
    this.connection = connection;
  }

  /** Errors: DatabaseError. */
  run(prepared: Prepared, values: readonly BoundValue[], maxRows?: number): QueryResult {
    this.#reads += 1;
    if (this.#reads === 1) setImmediate(this.#endTurn);
    else if (!this.connection.inTransaction) this.connection.control("begin");
    return this.connection.run(prepared, values, maxRows);
  }

  /** Called after each change: what is read from now on sees it. */
  renew(): void {
    // SQLite itself ends a transaction in which the disk failed.
    if (this.connection.inTransaction) this.connection.control("commit");
  }

  /** The prepared statements are forgotten, as the schema has changed. */
  forget(): void {
    this.renew();
    this.connection.forget();
  }

  close(): void {
    this.renew();
    this.connection.close();
  }

  readonly #endTurn = (): void => {
    this.#reads = 0;
    this.renew();
  };
}
