/** Work that no caller waits for, but that is not lost when the server stops. */
import type { Log } from "../log.js";

export class Background {
  readonly #log: Log;
  readonly #running = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Starts the work; an error is logged with `what` was tried. */
  run(what: string, work: () => Promise<unknown>): void {
    const task: Promise<void> = work()
      .then(() => {})
      .catch((cause: unknown) => this.#log.error({ event: "background", err: cause }, `could not ${what}`))
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }

  /** Resolves when all that was started is done. */
  async done(): Promise<void> {
    await Promise.all(this.#running);
  }
}
