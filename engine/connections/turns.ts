/** The requests of one connection, carried out one after another in the order in which they came. */

export interface TurnsOptions<T> {
  /** Answers the item; false ends the connection. Never rejects. */
  take(item: T): Promise<boolean>;
  /** How many items may wait; then the source is paused. */
  limit(): number;
  pause(): void;
  resume(): void;
  /** Called once, when nothing is left and nothing more will come. */
  ended(): void;
}

export class Turns<T> {
  /** True while an item is being carried out. */
  busy = false;
  readonly #options: TurnsOptions<T>;
  #waiting: T[] = [];
  #paused = false;
  #ending = false;

  constructor(options: TurnsOptions<T>) {
    this.#options = options;
  }

  push(item: T): void {
    if (this.#ending) return;
    this.#waiting.push(item);
    if (!this.#paused && this.#waiting.length >= this.#options.limit()) {
      this.#paused = true;
      this.#options.pause();
    }
    if (!this.busy) void this.#work();
  }

  /** Takes nothing more; what waits is still carried out. */
  finish(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.busy) this.#options.ended();
  }

  /** Forgets what waits: nobody is there any more to be answered. */
  drop(): void {
    this.#waiting = [];
    this.finish();
  }

  async #work(): Promise<void> {
    this.busy = true;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (await this.#options.take(next.item)) continue;
      this.#ending = true;
      this.#waiting = [];
    }
    this.busy = false;
    if (this.#ending) this.#options.ended();
  }

  #next(): { item: T } | undefined {
    const item = this.#waiting.shift();
    if (this.#paused && this.#waiting.length < this.#options.limit()) {
      this.#paused = false;
      this.#options.resume();
    }
    return item === undefined ? undefined : { item };
  }
}
