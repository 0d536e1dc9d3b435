/** The outbox's worker: takes items whose time has come, and carries them out until they are done or given up. */
import { setTimeout as pause } from "node:timers/promises";
import type { Outbox, OutboxItem } from "../contracts.js";
import type { Database, Session } from "../database/database.js";
import { patiently } from "../database/patiently.js";
import type { Log } from "../log.js";
import { type Carrier, isPassing, LostClaim } from "./deliveries.js";
import { Pool, type Work } from "./outbox-pool.js";
import { type ClaimedItem, OutboxTable, outboxStatement, type StoredItem } from "./outbox-table.js";

/** Seconds that a claim lasts beyond what its first item may take; a row that takes longer renews it. */
const ROW_SECONDS = 30;
/** Milliseconds that a stop leaves to what is in hand, since what is cut off is begun again and may be done twice. */
const GRACE = 10_000;
/** Milliseconds. */
const PURGE_EVERY = 3_600_000;
const RECOVER_EVERY = 1_000;

export class OutboxWorker implements Outbox {
  readonly table: OutboxTable;
  readonly #database: Database;
  readonly #log: Log;
  readonly #stop = new AbortController();
  /** Ends the tries in hand. */
  readonly #cut = new AbortController();
  readonly #pools = new Map<string, Pool>();
  #carriers: ReadonlyMap<string, Carrier> = new Map();
  #woken: (() => void) | undefined;
  #again = false;
  #nextPurge = 0;
  #nextRecovery = 0;
  #loop: Promise<void> | undefined;

  constructor(database: Database, log: Log) {
    this.table = new OutboxTable(database);
    this.#database = database;
    this.#log = log;
  }

  async put(session: Session, item: OutboxItem): Promise<void> {
    await session.run(outboxStatement(item));
  }

  wake(): void {
    this.#again = true;
    this.#woken?.();
  }

  counts(): Promise<{ waiting: number; failed: number }> {
    return this.table.counts();
  }

  async retry(which: number | "all"): Promise<number> {
    const booked = (await this.table.failedKinds()).filter((kind) => this.#carriers.get(kind)?.givenUp !== undefined);
    const count = await this.table.retry(which, booked);
    for (const pool of this.#pools.values()) pool.resume();
    this.wake();
    return count;
  }

  async hasten(kind: string): Promise<number> {
    const count = await this.table.hasten(kind);
    this.#pools.get(kind)?.resume();
    this.wake();
    return count;
  }

  /** `carriers` by the kinds of items that they carry out. */
  start(carriers: ReadonlyMap<string, Carrier>): void {
    this.#carriers = carriers;
    this.#loop = this.#run();
  }

  /** Resolves when the items in hand are done, or cut off after a while; those that were claimed and not begun are given back. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const timer = setTimeout(() => this.#cut.abort(), GRACE);
    this.wake();
    await this.#loop;
    for (const pool of this.#pools.values()) await pool.idle();
    clearTimeout(timer);
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#again = false;
      const taken = await this.#take().catch((cause: unknown) => {
        this.#log.warn({ event: "outbox", err: cause }, "the outbox can't be read; it is tried again");
        return 0;
      });
      if (taken === 0 && !this.#again && !this.#stopping) await this.#rest();
    }
  }

  /** Half a second, since another server may have stored something; less when this one did, or when it is free again. */
  async #rest(): Promise<void> {
    const abort = new AbortController();
    this.#woken = () => abort.abort();
    await pause(500, undefined, { signal: abort.signal }).catch(() => undefined);
    this.#woken = undefined;
  }

  /** How many items were claimed. */
  async #take(): Promise<number> {
    await this.#tidyUp();
    const free = [...this.#carriers.keys()].filter((kind) => this.#pools.get(kind)?.free !== 0);
    let taken = 0;
    for (const [kind, items] of groups(await this.table.due(free), (item) => item.kind))
      taken += await this.#takeOf(kind, items);
    return taken;
  }

  async #tidyUp(): Promise<void> {
    if (Date.now() > this.#nextRecovery) {
      this.#nextRecovery = Date.now() + RECOVER_EVERY;
      await this.table.recover([...this.#carriers.keys()]);
    }
    if (Date.now() > this.#nextPurge) {
      this.#nextPurge = Date.now() + PURGE_EVERY;
      await this.table.purge();
    }
  }

  async #takeOf(kind: string, items: readonly StoredItem[]): Promise<number> {
    const carrier = this.#carriers.get(kind);
    if (carrier === undefined) return 0;
    const pool = this.#poolOf(kind, carrier);
    const lone = items.filter(({ lane }) => lane === null);
    const lanes = new Set(items.flatMap(({ lane }) => lane ?? []));
    let taken = await this.#claimLone(carrier.several ? lone : lone.slice(0, pool.free), carrier, pool);
    for (const lane of [...lanes].slice(0, pool.free)) taken += await this.#claimRow(kind, lane, carrier, pool);
    return taken;
  }

  async #claimLone(items: readonly StoredItem[], carrier: Carrier, pool: Pool): Promise<number> {
    const until = Date.now() + claimSeconds(carrier) * 1_000;
    const claimed = await this.table.claim(items, claimSeconds(carrier));
    for (const item of claimed) pool.add({ items: [item], until });
    return claimed.length;
  }

  /**
   * Who has claimed the first item of a lane has the lane, since as long as it is held nobody is offered the others: those
   * need one statement in all.
   */
  async #claimRow(kind: string, lane: string, carrier: Carrier, pool: Pool): Promise<number> {
    const row = await this.table.row(kind, lane);
    const until = Date.now() + claimSeconds(carrier) * 1_000;
    const [head] = await this.table.claim(row.slice(0, 1), claimSeconds(carrier));
    if (head === undefined) return 0;
    const wanted = carrier.several ? row.slice(1) : [];
    const others = await this.table.claim(wanted, claimSeconds(carrier), head.claim);
    const gap = others.findIndex(({ id }, index) => id !== wanted[index]?.id);
    const inOrder = gap < 0 ? others : others.slice(0, gap);
    await this.table.release(others.slice(inOrder.length));
    pool.add({ items: [head, ...inOrder], until });
    return 1 + inOrder.length;
  }

  #poolOf(kind: string, carrier: Carrier): Pool {
    const known = this.#pools.get(kind);
    if (known !== undefined) return known;
    const pool = new Pool((work) => this.#carryAll(work, carrier));
    this.#pools.set(kind, pool);
    return pool;
  }

  /** Items one after the other; the first that was lost, or that has to wait, ends the row, and the others are given back. */
  async #carryAll({ items, until }: Work, carrier: Carrier): Promise<void> {
    let rest = items;
    let heldUntil = until;
    try {
      for (; rest.length > 0; rest = rest.slice(1)) {
        const [item] = rest;
        if (item === undefined || this.#stopping) break;
        if (Date.now() + carrier.seconds() * 1_000 > heldUntil) {
          heldUntil = Date.now() + claimSeconds(carrier) * 1_000;
          if (!(await this.table.renew(rest, claimSeconds(carrier)))) break;
        }
        if (await this.#carry(item, carrier)) continue;
        rest = rest.slice(1);
        break;
      }
      await this.table.release(rest);
    } catch (cause) {
      this.#log.warn({ event: "outbox", err: cause }, "the end of an item can't be stored; it is tried again");
    }
    this.wake();
  }

  /** True when the item is done or given up, so that the next of its lane may follow. */
  async #carry(item: ClaimedItem, carrier: Carrier): Promise<boolean> {
    try {
      await carrier.carry(item, this.#cut.signal);
      this.#pools.get(item.kind)?.resume();
      return true;
    } catch (cause) {
      if (cause instanceof LostClaim) return false;
      return this.#failed(item, carrier, cause);
    }
  }

  async #failed(item: ClaimedItem, carrier: Carrier, cause: unknown): Promise<boolean> {
    const { id, tries, kind } = item;
    const last = !isPassing(cause, tries) || tries >= carrier.tries;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#log.warn({ event: "outbox", item: id, kind, tries, last, err: cause }, "an item of the outbox failed");
    if (!last) this.#pools.get(kind)?.waited();
    const booking = last ? carrier.givenUp?.(item, reason) : undefined;
    const written = () =>
      this.#database.transaction(async (session) => {
        const state = last ? "failed" : "waiting";
        const { changed } = await session.run(this.table.setback(item, state, reason, pauseSeconds(tries)));
        if (changed === 1) await booking?.(session);
      });
    await patiently(written, this.#cut.signal);
    return last;
  }
}

const claimSeconds = (carrier: Carrier): number => carrier.seconds() + ROW_SECONDS;

function groups<K>(items: readonly StoredItem[], keyOf: (item: StoredItem) => K): Map<K, StoredItem[]> {
  const found = new Map<K, StoredItem[]>();
  for (const item of items) {
    const group = found.get(keyOf(item));
    if (group === undefined) found.set(keyOf(item), [item]);
    else group.push(item);
  }
  return found;
}

/** 1, 2, 4 ... up to 600 seconds, shifted by up to a fifth so that servers don't try in step. */
const pauseSeconds = (tries: number): number => Math.min(600, 2 ** (tries - 1)) * (1 + Math.random() / 5);
