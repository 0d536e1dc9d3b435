/**
 * The one connection that writes. Changes that arrive together are committed together, since the commit, which waits for the
 * disk, costs most: 1.5 thousand transactions a second singly, 13 thousand in groups of 32. Each transaction of a group has
 * a savepoint of its own, so that one that fails takes no other with it; none is answered before the commit.
 */
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { Mutex, withTimeout } from "async-mutex";
import { DatabaseError, type QueryOptions, type QueryResult, type Session, type Statement } from "./database.js";
import type { SqliteConnection } from "./sqlite-connection.js";
import { sqliteError } from "./sqlite-errors.js";
import { TransactionSession } from "./transaction-session.js";
import * as words from "./words.js";

/** A group is committed when it has so many jobs, or is so many milliseconds old: the event loop must not stand still. */
const GROUP_SIZE = 64;
const GROUP_TIME = 8;

/** Milliseconds between two looks whether another process has ended its change. */
const BUSY_PAUSE = 5;

interface Job {
  work: () => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

interface Done {
  job: Job;
  value: unknown;
}

export class SqliteWriter {
  /** Held by whoever writes: a change in another process of this server too, so that none blocks the event loop. */
  #lock = new Mutex();
  #connection: SqliteConnection;
  #limit: () => number;
  #changed: () => void;
  #jobs: Job[] = [];
  #draining = false;
  /** Changes that are made elsewhere and wait for the lock. */
  #outside = 0;
  /** When whoever writes now began. */
  #since: number | undefined;

  /** `limit`: milliseconds for which another process may keep it waiting. `changed` is called after each commit. */
  constructor(connection: SqliteConnection, limit: () => number, changed: () => void) {
    this.#connection = connection;
    this.#limit = limit;
    this.#changed = changed;
  }

  run(statement: Statement, options?: QueryOptions): Promise<QueryResult> {
    // One statement is all or nothing by itself.
    return this.#add(() => this.#connection.runStatement(statement, options?.maxRows));
  }

  transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#add(() => this.#apart(work));
  }

  /** Runs `work`, which writes elsewhere, while nothing is written here. Errors: DatabaseError after `limit` milliseconds. */
  async exclusively<T>(limit: number, work: () => Promise<T>): Promise<T> {
    this.#outside += 1;
    const release = await withTimeout(this.#lock, limit, new DatabaseError("unavailable", words.BUSY))
      .acquire()
      .finally(() => {
        this.#outside -= 1;
      });
    try {
      return await this.#noted(work);
    } finally {
      release();
    }
  }

  async #noted<T>(work: () => Promise<T>): Promise<T> {
    this.#since = performance.now();
    try {
      return await work();
    } finally {
      this.#since = undefined;
    }
  }

  /** Replaces the connection while nobody writes. */
  async replace(open: (old: SqliteConnection) => SqliteConnection): Promise<void> {
    await this.#lock.runExclusive(() => {
      this.#connection = open(this.#connection);
    });
  }

  /** For how many milliseconds somebody writes (undefined when nobody does), and how many changes wait. */
  get state(): { writing: number | undefined; waiting: number } {
    const writing = this.#since === undefined ? undefined : performance.now() - this.#since;
    return { writing, waiting: this.#jobs.length + this.#outside };
  }

  forget(): void {
    this.#connection.forget();
  }

  /** Waits for the changes that have been asked for. */
  async close(): Promise<void> {
    await this.#add(() => undefined).catch(() => undefined);
    await this.#lock.runExclusive(() => this.#connection.close());
  }

  /** Jobs are done in the order in which they were asked for. */
  #add<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push({ work, resolve, reject });
      if (this.#draining) return;
      this.#draining = true;
      void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    // The requests that are being read in this turn of the event loop join the first group
    await nextTurn();
    while (this.#jobs.length > 0) await this.#lock.runExclusive(() => this.#noted(() => this.#group()));
    this.#draining = false;
  }

  async #group(): Promise<void> {
    let done: Done[] = [];
    try {
      await this.#begin();
      done = await this.#work();
      if (!this.#connection.inTransaction) return;
      this.#connection.control("commit");
    } catch (error) {
      this.#rollback();
      const waiting = done.length > 0 ? done.map(({ job }) => job) : this.#jobs.splice(0);
      for (const job of waiting) job.reject(error);
      return;
    }
    this.#changed();
    for (const { job, value } of done) job.resolve(value as never);
  }

  /** Errors: DatabaseError "unavailable" when other processes write for too long. */
  async #begin(): Promise<void> {
    const deadline = performance.now() + this.#limit();
    for (;;) {
      try {
        return this.#connection.control("begin immediate");
      } catch (error) {
        if (sqliteError(error).kind !== "conflict") throw error;
        if (performance.now() > deadline) throw new DatabaseError("unavailable", words.BUSY, error);
        await pause(BUSY_PAUSE);
      }
    }
  }

  /** Runs jobs until the group is full. Those that fail are told at once: there is nothing of theirs to commit. */
  async #work(): Promise<Done[]> {
    const done: Done[] = [];
    const end = performance.now() + GROUP_TIME;
    for (let count = 0; count < GROUP_SIZE && performance.now() < end; count++) {
      const job = this.#jobs.shift();
      if (job === undefined) break;
      try {
        done.push({ job, value: await job.work() });
      } catch (error) {
        job.reject(error);
        // SQLite itself gave the transaction up (a full disk): what the others did is gone too
        if (!this.#connection.inTransaction) {
          for (const lost of done) lost.job.reject(error);
          return [];
        }
      }
    }
    return done;
  }

  async #apart<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    const session = new TransactionSession("sqlite", (statement, options) =>
      connection.runStatement(statement, options?.maxRows),
    );
    connection.control("savepoint job");
    try {
      return await work(session);
    } catch (error) {
      if (connection.inTransaction) connection.control("rollback to job");
      throw error;
    } finally {
      session.close();
      if (connection.inTransaction) connection.control("release job");
    }
  }

  #rollback(): void {
    if (this.#connection.inTransaction) this.#connection.control("rollback");
  }
}
