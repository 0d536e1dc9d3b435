/** What must be written down, since it tells of something that has happened outside of the database. */
import { setTimeout as pause } from "node:timers/promises";
import { DatabaseError } from "./database.js";

const TRIES = 30;
/** Milliseconds. */
const PAUSE = 2_000;

/**
 * Runs `work` again while the database is away, for a minute at most or until `signal` is aborted.
 * Errors: those of `work`, the last one where the database stays away.
 */
export async function patiently<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (cause) {
      const passing = cause instanceof DatabaseError && cause.kind === "unavailable";
      if (!passing || tries === TRIES || signal?.aborted) throw cause;
      await pause(PAUSE, undefined, { ...(signal && { signal }) }).catch(() => undefined);
    }
  }
}
