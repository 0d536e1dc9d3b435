/**
 * Look-ups on MariaDB, over a few connections that all requests share: each is sent at once, behind those before it, without a
 * wait for their answers. One then takes half the processor time that it takes on a connection of a pool.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Connection, createConnection } from "mariadb";
import type { Row } from "../request.js";
import type { MariaDbAddress } from "./address.js";
import { DatabaseError, type PoolState, type Statement } from "./database.js";
import { boundList, type Fields, type List, rowsOfLists } from "./mariadb-lists.js";
import { CONNECT_LIMIT, sessionSetup } from "./mariadb-pool.js";
import type { RunningStatements } from "./running.js";
import * as words from "./words.js";

/** Milliseconds until a connection that was lost, or could not be had, is tried again. */
const AGAIN = 1000;

interface Shared {
  readonly connection: Connection;
  /** Look-ups whose answers have not come. */
  waiting: number;
  /** Called when none waits any more. */
  idle?: () => void;
  /** Called when it is of no use any more. */
  readonly lost: () => void;
}

export class LookUps {
  #address: MariaDbAddress;
  #limit: () => number;
  #running: RunningStatements;
  #standing: Shared[] = [];
  #turn = 0;
  #begun = false;
  #closing = new AbortController();

  /** `limit`: milliseconds that a look-up may take. */
  constructor(address: MariaDbAddress, limit: () => number, running: RunningStatements) {
    this.#address = address;
    this.#limit = limit;
    this.#running = running;
  }

  /**
   * Undefined where no shared connection stands: the first call has them made, and they are made again whenever they are lost.
   * Errors, as a rejection: DatabaseError "timeout"; any other one says that the look-up has to be made elsewhere.
   */
  find({ text, values }: Statement): Promise<Row[]> | undefined {
    const shared = this.#standing[this.#turn++ % this.#standing.length];
    if (shared === undefined) {
      this.#begin();
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const limit = this.#limit();
      const item = this.#running.begin(text, limit, () => {
        answered(shared);
        this.#lose(shared);
        reject(new DatabaseError("timeout", words.overdue(limit)));
      });
      shared.waiting++;
      const ended = (use: () => void) => {
        if (!this.#running.end(item)) return;
        answered(shared);
        use();
      };
      shared.connection
        .execute<[List[], Fields]>(text, boundList(values))
        .then(([lists, fields]) => rowsOfLists(lists, fields))
        .then(
          (rows) => ended(() => resolve(rows)),
          (error: unknown) => ended(() => reject(error)),
        );
    });
  }

  get state(): Omit<PoolState, "name"> {
    const waiting = this.#standing.reduce((sum, shared) => sum + shared.waiting, 0);
    const busy = this.#standing.filter((shared) => shared.waiting > 0).length;
    return { size: this.#address.lookups, busy, waiting: waiting - busy };
  }

  /** Closes the connections once their look-ups are answered; there are none from now on. */
  async close(): Promise<void> {
    this.#closing.abort();
    const standing = this.#standing;
    this.#standing = [];
    await Promise.all(standing.map(endIdle));
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    for (let count = 0; count < this.#address.lookups; count += 1) void this.#keep();
  }

  /** Keeps one connection standing. Without one the pool does its work, so that a failure is no news. */
  async #keep(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const connection = await createConnection(this.#options()).catch(() => undefined);
      // What the others send is not known to be taken one behind the other
      if (connection?.info?.isMariaDB() === false) return connection.destroy();
      if (connection !== undefined) await this.#stand(connection);
      await pause(AGAIN, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Resolves when the connection is lost. */
  async #stand(connection: Connection): Promise<void> {
    if (this.#closing.signal.aborted) return connection.destroy();
    await new Promise<void>((lost) => {
      const shared: Shared = { connection, waiting: 0, lost };
      connection.on("error", () => this.#lose(shared));
      connection.on("end", () => this.#lose(shared));
      this.#standing.push(shared);
    });
  }

  /** What was sent over it and not answered is refused by the driver. */
  #lose(shared: Shared): void {
    this.#standing = this.#standing.filter((other) => other !== shared);
    shared.connection.destroy();
    shared.lost();
  }

  #options(): Parameters<typeof createConnection>[0] {
    const { host, port, user, password, database } = this.#address;
    return {
      host,
      port,
      user,
      password,
      database,
      collation: "UTF8MB4_GENERAL_CI",
      connectTimeout: CONNECT_LIMIT,
      allowPublicKeyRetrieval: true,
      pipelining: true,
      initSql: sessionSetup(this.#limit()),
      rowsAsArray: true,
      metaAsArray: true,
      dateStrings: true,
      autoJsonMap: false,
    };
  }
}

function answered(shared: Shared): void {
  if (--shared.waiting === 0) shared.idle?.();
}

/** The driver forgets what waits for an answer when a connection ends. */
async function endIdle(shared: Shared): Promise<void> {
  if (shared.waiting > 0) {
    await new Promise<void>((resolve) => {
      shared.idle = resolve;
    });
  }
  await shared.connection.end().catch(() => shared.connection.destroy());
}
