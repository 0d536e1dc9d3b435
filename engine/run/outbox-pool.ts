/** What the outbox's worker has in hand of one kind: so much at a time, the rest in a queue. */
import type { ClaimedItem } from "./outbox-table.js";

/** Claimed together, carried out one after the other. */
export interface Work {
  items: readonly ClaimedItem[];
  /** Milliseconds since 1970 until which they are this worker's. */
  until: number;
}

/** Each kind has a pool of its own: a slow mail server holds up no statement. */
export class Pool {
  static readonly AT_ONCE = 8;
  readonly #carry: (work: Work) => Promise<void>;
  readonly #queue: Work[] = [];
  readonly #running = new Set<Promise<void>>();
  #failures = 0;
  #restsUntil = 0;

  /** `carry` must not reject. */
  constructor(carry: (work: Work) => Promise<void>) {
    this.#carry = carry;
  }

  /** How many more can be begun at once; 0 also while something waits in the queue, or while all rest. */
  get free(): number {
    return this.#queue.length > 0 || Date.now() < this.#restsUntil ? 0 : Pool.AT_ONCE - this.#running.size;
  }

  /** Where one item after the other has to wait, their other end is away: all rest 1, 2, 4 ... up to 32 seconds. */
  waited(): void {
    this.#failures += 1;
    const rests = Math.floor(this.#failures / Pool.AT_ONCE);
    if (this.#failures % Pool.AT_ONCE === 0) this.#restsUntil = Date.now() + 1_000 * 2 ** Math.min(rests - 1, 5);
  }

  /** Ends the rest: an item is done, or somebody wants it now. */
  resume(): void {
    this.#failures = 0;
    this.#restsUntil = 0;
  }

  add(work: Work): void {
    this.#queue.push(work);
    if (this.#running.size >= Pool.AT_ONCE) return;
    const runner = this.#serve().finally(() => this.#running.delete(runner));
    this.#running.add(runner);
  }

  /** Resolves when nothing is in hand any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #serve(): Promise<void> {
    for (let work = this.#queue.shift(); work !== undefined; work = this.#queue.shift()) await this.#carry(work);
  }
}
