/** The outbox's worker: takes items whose time has come, and carries them out until they are done or given up. */
import { setTimeout as pause } from "node:timers/promises";
import type { Outbox, OutboxItem } from "../contracts.js";
import type { Database, Session } from "../database/database.js";
import type { Log } from "../log.js";
import { type Carrier, isPassing, LostClaim } from "./deliveries.js";
import { Pool, type Work } from "./outbox-pool.js";
import { type ClaimedItem, OutboxTable, outboxStatement, type StoredItem } from "./outbox-table.js";

/** Seconds that a claim lasts beyond what its first item may take; a row that takes longer renews it. */
const ROW_SECONDS = 30;
/** Milliseconds. */
const PURGE_EVERY = 3_600_000;

export class OutboxWorker implements Outbox {
  readonly table: OutboxTable;
  readonly #database: Database;
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #pools = new Map<string, Pool>();
  #carrierOf: (kind: string) => Carrier | undefined = () => undefined;
  #woken: (() => void) | undefined;
  #again = false;
  #nextPurge = 0;
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
    const booked = (await this.table.failedKinds()).filter((kind) => this.#carrierOf(kind)?.givenUp !== undefined);
    const count = await this.table.retry(which, booked);
    this.wake();
    return count;
  }

  async hasten(kind: string): Promise<number> {
    const count = await this.table.hasten(kind);
    this.wake();
    return count;
  }

  /** Items of a kind that `carrierOf` doesn't know are given up. */
  start(carrierOf: (kind: string) => Carrier | undefined): void {
    this.#carrierOf = carrierOf;
    this.#loop = this.#run();
  }

  /** Resolves when the items in hand are done; those that were claimed and not begun are given back. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.wake();
    await this.#loop;
    for (const pool of this.#pools.values()) await pool.idle();
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
    if (Date.now() > this.#nextPurge) {
      this.#nextPurge = Date.now() + PURGE_EVERY;
      await this.table.purge();
    }
    const full = [...this.#pools].filter(([, { free }]) => free === 0).map(([kind]) => kind);
    let taken = 0;
    for (const [kind, items] of groups(await this.table.due(full), (item) => item.kind))
      taken += await this.#takeOf(kind, items);
    return taken;
  }

  async #takeOf(kind: string, items: readonly StoredItem[]): Promise<number> {
    const carrier = this.#carrierOf(kind);
    const pool = this.#poolOf(kind, carrier);
    const rows = [...groups(items, ({ lane, id }) => lane ?? id).values()];
    const lone = rows.flatMap((row) => (row[0]?.lane === null ? row : []));
    const several = carrier?.several ?? false;
    let taken = several ? await this.#claimLone(lone, carrier, pool) : 0;
    const oneByOne = several ? rows.filter((row) => row[0]?.lane !== null) : rows;
    for (const row of oneByOne.slice(0, pool.free)) taken += await this.#claimRow(row, carrier, pool);
    return taken;
  }

  async #claimLone(items: readonly StoredItem[], carrier: Carrier | undefined, pool: Pool): Promise<number> {
    const until = Date.now() + claimSeconds(carrier) * 1_000;
    const claimed = await this.table.claim(items, claimSeconds(carrier));
    for (const item of claimed) pool.add({ items: [item], until });
    return claimed.length;
  }

  /**
   * Who has claimed the first item of a lane has the lane, since as long as it is held nobody is offered the others: those
   * need one statement in all.
   */
  async #claimRow(row: readonly StoredItem[], carrier: Carrier | undefined, pool: Pool): Promise<number> {
    const until = Date.now() + claimSeconds(carrier) * 1_000;
    const [head] = await this.table.claim(row.slice(0, 1), claimSeconds(carrier));
    if (head === undefined) return 0;
    const wanted = carrier?.several ? row.slice(1) : [];
    const others = await this.table.claim(wanted, claimSeconds(carrier), head.claim);
    const gap = others.findIndex(({ id }, index) => id !== wanted[index]?.id);
    const inOrder = gap < 0 ? others : others.slice(0, gap);
    await this.table.release(others.slice(inOrder.length));
    pool.add({ items: [head, ...inOrder], until });
    return 1 + inOrder.length;
  }

  #poolOf(kind: string, carrier: Carrier | undefined): Pool {
    const known = this.#pools.get(kind);
    if (known !== undefined) return known;
    const pool = new Pool((work) => this.#carryAll(work, carrier));
    this.#pools.set(kind, pool);
    return pool;
  }

  /** Items one after the other; the first that was lost, or that has to wait, ends the row, and the others are given back. */
  async #carryAll({ items, until }: Work, carrier: Carrier | undefined): Promise<void> {
    let rest = items;
    let heldUntil = until;
    try {
      for (; rest.length > 0; rest = rest.slice(1)) {
        const [item] = rest;
        if (item === undefined || this.#stopping) break;
        if (Date.now() + seconds(carrier) * 1_000 > heldUntil) {
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
  async #carry(item: ClaimedItem, carrier: Carrier | undefined): Promise<boolean> {
    try {
      if (carrier === undefined) throw new Error(`this version carries out nothing of the kind ${item.kind}`);
      await carrier.carry(item, this.#stop.signal);
      return true;
    } catch (cause) {
      if (cause instanceof LostClaim) return false;
      return this.#failed(item, carrier, cause);
    }
  }

  async #failed(item: ClaimedItem, carrier: Carrier | undefined, cause: unknown): Promise<boolean> {
    const { id, tries, kind } = item;
    const last = !isPassing(cause) || tries >= (carrier?.tries ?? 1);
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#log.warn({ event: "outbox", item: id, kind, tries, last, err: cause }, "an item of the outbox failed");
    const booking = last ? carrier?.givenUp?.(item, reason) : undefined;
    await this.#database.transaction(async (session) => {
      const state = last ? "failed" : "waiting";
      const { changed } = await session.run(this.table.setback(item, state, reason, pauseSeconds(tries)));
      if (changed === 1) await booking?.(session);
    });
    return last;
  }
}

const seconds = (carrier: Carrier | undefined): number => carrier?.seconds() ?? 1;
const claimSeconds = (carrier: Carrier | undefined): number => seconds(carrier) + ROW_SECONDS;

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
