/** The outbox's worker: takes items whose time has come, and carries them out until they are done or given up. */
import { setTimeout as pause } from "node:timers/promises";
import type { Outbox, OutboxItem } from "../contracts.js";
import type { Database, Session } from "../database/database.js";
import type { Log } from "../log.js";
import { type Carrier, isPassing, LostClaim } from "./deliveries.js";
import { OutboxTable, outboxStatement, type StoredItem } from "./outbox-table.js";

/** Lanes that are served at a time: a slow mail server holds up no statement. */
const AT_ONCE = 8;

export class OutboxWorker implements Outbox {
  readonly table: OutboxTable;
  readonly #database: Database;
  readonly #log: Log;
  readonly #stop = new AbortController();
  #carrierOf: (kind: string) => Carrier | undefined = () => undefined;
  #woken: (() => void) | undefined;
  #again = false;
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

  /** Items of a kind that `carrierOf` doesn't know are given up. */
  start(carrierOf: (kind: string) => Carrier | undefined): void {
    this.#carrierOf = carrierOf;
    this.#loop = this.#run();
  }

  /** Resolves when the items in hand are done. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.wake();
    await this.#loop;
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted;
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
    const lanes = lanesOf(await this.table.due());
    let done = 0;
    const server = async () => {
      for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift()) done += await this.#serve(lane);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, lanes.length) }, server));
    return done;
  }

  /** Items of one lane, one after the other; the first that another worker has, or that has to wait, ends the row. */
  async #serve(lane: readonly StoredItem[]): Promise<number> {
    let done = 0;
    for (const item of lane) {
      const carrier = this.#carrierOf(item.kind);
      if (this.#stopping || !(await this.table.claim(item, carrier?.seconds() ?? 1))) break;
      done += 1;
      if (!(await this.#carry(item, carrier))) break;
    }
    return done;
  }

  /** True when the item is done or given up, so that the next of its lane may follow. */
  async #carry(item: StoredItem, carrier: Carrier | undefined): Promise<boolean> {
    try {
      if (carrier === undefined) throw new Error(`this version carries out nothing of the kind ${item.kind}`);
      await carrier.carry(item, this.#stop.signal);
      return true;
    } catch (cause) {
      if (cause instanceof LostClaim) return false;
      return this.#failed(item, carrier, cause);
    }
  }

  async #failed(item: StoredItem, carrier: Carrier | undefined, cause: unknown): Promise<boolean> {
    const { id, tries, kind } = item;
    const last = !isPassing(cause) || tries + 1 >= (carrier?.tries ?? 1);
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#log.warn(
      { event: "outbox", item: id, kind, tries: tries + 1, last, err: cause },
      "an item of the outbox failed",
    );
    const booking = last ? carrier?.givenUp?.(item, reason) : undefined;
    await this.#database.transaction(async (session) => {
      const state = last ? "failed" : "waiting";
      const { changed } = await session.run(this.table.setback(item, state, reason, pauseSeconds(tries)));
      if (changed === 1) await booking?.(session);
    });
    return last;
  }
}

/** Items of a lane in their order; one without a lane is a lane of its own. */
function lanesOf(items: readonly StoredItem[]): StoredItem[][] {
  const lanes = new Map<string | number, StoredItem[]>();
  for (const item of items) {
    const lane = lanes.get(item.lane ?? item.id);
    if (lane === undefined) lanes.set(item.lane ?? item.id, [item]);
    else lane.push(item);
  }
  return [...lanes.values()];
}

/** 1, 2, 4 ... up to 600 seconds, shifted by up to a fifth so that servers don't try in step. */
const pauseSeconds = (tries: number): number => Math.min(600, 2 ** tries) * (1 + Math.random() / 5);
