/** The door for requests: shut while something changes under all of them, such as the database itself. */
import { setTimeout as pause } from "node:timers/promises";
import { ApiError } from "./errors.js";

/** Seconds for which requests in flight are waited for. */
const PATIENCE = 30;
const LOOK_EVERY = 10;

export class Gate {
  #inside = 0;
  #shut: string | undefined;

  /** True while requests are turned away. */
  get shut(): boolean {
    return this.#shut !== undefined;
  }

  /** Runs a request. Errors: ApiError "not available" while the gate is shut. */
  pass<T>(work: () => T | Promise<T>): T | Promise<T> {
    this.#demandOpen();
    this.#inside += 1;
    let result: T | Promise<T>;
    try {
      result = work();
    } catch (cause) {
      this.#inside -= 1;
      throw cause;
    }
    if (result instanceof Promise)
      return result.finally(() => {
        this.#inside -= 1;
      });
    this.#inside -= 1;
    return result;
  }

  /**
   * Called by a request: turns others away with `reason`, waits for those in flight, and runs `work` alone.
   * Errors: ApiError "not available" when others don't end, or do the same.
   */
  async alone<T>(reason: string, work: () => Promise<T>): Promise<T> {
    this.#demandOpen();
    this.#shut = reason;
    try {
      const end = performance.now() + PATIENCE * 1_000;
      while (this.#inside > 1) {
        if (performance.now() > end) throw new ApiError("not available", "other requests don't end; try again");
        await pause(LOOK_EVERY);
      }
      return await work();
    } finally {
      this.#shut = undefined;
    }
  }

  #demandOpen(): void {
    if (this.#shut !== undefined) throw new ApiError("not available", this.#shut);
  }
}
