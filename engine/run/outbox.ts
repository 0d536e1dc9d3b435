/** The outbox: what is still to be carried out, stored with the change that caused it, done by one worker at a time. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Outbox, OutboxItem } from "../contracts.js";
import { type Database, DatabaseError, type Statement } from "../database/database.js";
import { toDatetime } from "../datetime.js";
import type { Log } from "../log.js";
import type { StoredStatement } from "./hooks.js";

/** Seconds for which a worker holds an item beyond what its statement may take; after that it counts as lost. */
const CLAIM_SECONDS = 60;
const MOST_TRIES = 12;
const BATCH = 50;

interface StoredItem {
  id: number;
  kind: string;
  body: string;
  tries: number;
}

/** Stores an item: run it in the transaction of the change that caused the item. */
export const outboxStatement = ({ kind, lane, body, entry, userId }: OutboxItem): Statement => ({
  text: "insert into tb_outbox (kind, lane, body, state, tries, nexttry, entry, userid, datum) values (?, ?, ?, 'waiting', 0, ?, ?, ?, ?)",
  values: [kind, lane ?? null, JSON.stringify(body), now(), entry, userId, now()],
});

const now = (laterSeconds = 0): string => toDatetime(Date.now() + laterSeconds * 1_000);

export class OutboxWorker implements Outbox {
  readonly #name = randomUUID();
  readonly #database: Database;
  readonly #log: Log;
  readonly #limit: () => number;
  #stopping = false;
  #woken: (() => void) | undefined;
  #again = false;
  #loop: Promise<void> | undefined;

  /** `limit`: milliseconds that a statement may take, and that it may have to wait before. */
  constructor(database: Database, log: Log, limit: () => number) {
    this.#database = database;
    this.#limit = limit;
    this.#log = log;
  }

  wake(): void {
    this.#again = true;
    this.#woken?.();
  }

  async counts(): Promise<{ waiting: number; failed: number }> {
    const { rows } = await this.#database.run({
      text: "select sum(case when state <> 'failed' then 1 else 0 end) as waiting, sum(case when state = 'failed' then 1 else 0 end) as failed from tb_outbox where state <> 'done'",
      values: [],
    });
    return { waiting: Number(rows[0]?.["waiting"] ?? 0), failed: Number(rows[0]?.["failed"] ?? 0) };
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Resolves when the item in hand is done. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#again = false;
      const done = await this.#round().catch((cause: unknown) => {
        this.#log.warn({ event: "outbox", err: cause }, "the outbox can't be read; it is tried again");
        return 0;
      });
      if (done === 0 && !this.#again && !this.#stopping) await this.#rest();
    }
  }

  /** Half a second, since another server may have stored something; less when this one did. */
  async #rest(): Promise<void> {
    const abort = new AbortController();
    this.#woken = () => abort.abort();
    await pause(500, undefined, { signal: abort.signal }).catch(() => undefined);
    this.#woken = undefined;
  }

  async #round(): Promise<number> {
    let done = 0;
    for (const item of await this.#due()) {
      if (this.#stopping) break;
      if (!(await this.#claim(item))) continue;
      await this.#carry(item);
      done += 1;
    }
    return done;
  }

  /** Items whose time has come and whose lane has no earlier one left; those of a worker that died are among them. */
  async #due(): Promise<StoredItem[]> {
    const { rows } = await this.#database.run({
      text: `select o.id as id, o.kind as kind, o.body as body, o.tries as tries from tb_outbox o
        where ((o.state = 'waiting' and o.nexttry <= ?) or (o.state = 'taken' and o.claimeduntil < ?))
        and (o.lane is null or not exists
          (select 1 from tb_outbox e where e.lane = o.lane and e.id < o.id and e.state in ('waiting', 'taken')))
        order by o.id limit ${BATCH}`,
      values: [now(), now()],
    });
    return rows as unknown as StoredItem[];
  }

  /** The claim outlasts the wait and the statement, or another worker would carry the item out a second time. */
  async #claim({ id, tries }: StoredItem): Promise<boolean> {
    const until = now(CLAIM_SECONDS + (2 * this.#limit()) / 1_000);
    const { changed } = await this.#database.run({
      text: "update tb_outbox set state = 'taken', claimedby = ?, claimeduntil = ?, tries = ? where id = ? and tries = ? and (state = 'waiting' or claimeduntil < ?)",
      values: [this.#name, until, tries + 1, id, tries, now()],
    });
    return changed === 1;
  }

  async #carry(item: StoredItem): Promise<void> {
    try {
      const statement = JSON.parse(item.body) as StoredStatement;
      await this.#database.runForeign(statement, { maxRows: 1, andThen: [this.#ended(item)] });
    } catch (cause) {
      await this.#failed(item, cause);
    }
  }

  /** Removed in the transaction of the change itself, so that a kill at any moment neither loses nor repeats it. */
  #ended({ id }: StoredItem): Statement {
    return { text: "delete from tb_outbox where id = ? and claimedby = ?", values: [id, this.#name] };
  }

  async #failed({ id, tries, kind }: StoredItem, cause: unknown): Promise<void> {
    const last = !isPassing(cause) || tries + 1 >= MOST_TRIES;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#log.warn(
      { event: "outbox", item: id, kind, tries: tries + 1, last, err: cause },
      "an item of the outbox failed",
    );
    await this.#database.run({
      text: "update tb_outbox set state = ?, nexttry = ?, lasterror = ? where id = ? and claimedby = ?",
      values: [last ? "failed" : "waiting", now(pauseSeconds(tries)), reason.slice(0, 500), id, this.#name],
    });
  }
}

/** A failure that may be over at the next try; a statement that is wrong stays wrong. */
const isPassing = (cause: unknown): boolean =>
  cause instanceof DatabaseError &&
  (cause.kind === "unavailable" || cause.kind === "conflict" || cause.kind === "timeout");

/** 1, 2, 4 ... up to 600 seconds, shifted by up to a fifth so that servers don't try in step. */
const pauseSeconds = (tries: number): number => Math.min(600, 2 ** tries) * (1 + Math.random() / 5);
