/** Long work in slices, so that requests are answered in between. */
import { setImmediate } from "node:timers/promises";

/** Milliseconds for which the work may hold the event loop. Each pause costs it a turn of requests, so short ones make it long. */
const SLICE = 10;

/** Call and await the result between two pieces of work. */
export function makeSlices(): () => Promise<void> | undefined {
  let began = performance.now();
  return () => {
    if (performance.now() - began < SLICE) return undefined;
    return setImmediate().then(() => {
      began = performance.now();
    });
  };
}
