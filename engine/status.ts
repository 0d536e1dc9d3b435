/** What `info` tells of the process. */
import { createRequire } from "node:module";
import type { ServerStatus } from "./contracts.js";
import { ApiError } from "./errors.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

export const VERSION = version;

export class Status implements ServerStatus {
  readonly version = VERSION;
  readonly startedAt = new Date();
  draining = false;
  connections: () => number = () => 0;
  restart: ServerStatus["restart"] = () => {
    throw new ApiError("not available", "only a server that `tbapi start` runs can be restarted");
  };
  #total = 0;
  #failed = 0;

  readonly count = (ok: boolean): void => {
    this.#total += 1;
    if (!ok) this.#failed += 1;
  };

  requests(): { total: number; failed: number } {
    return { total: this.#total, failed: this.#failed };
  }
}
