/** What `info` tells of the process. */
import { createRequire } from "node:module";
import type { EntryFigures, ProcessLoad, ServerStatus } from "./contracts.js";
import { ApiError } from "./errors.js";
import { LoadMeter } from "./metrics/load.js";
import { EntryMeters } from "./metrics/meters.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

export const VERSION = version;

export class Status implements ServerStatus {
  readonly version = VERSION;
  readonly startedAt = new Date();
  /** Set once the server ends. */
  stopping = false;
  willStop = false;
  connections: () => number = () => 0;
  restart: ServerStatus["restart"] = () => {
    throw new ApiError("not available", "only a server that `tbapi start` runs can be restarted");
  };
  readonly meters = new EntryMeters();
  readonly loadMeter = new LoadMeter();

  get draining(): boolean {
    return this.stopping || this.willStop;
  }

  readonly count = (entry: string, ok: boolean, milliseconds: number): void =>
    this.meters.record(entry, ok, milliseconds);

  requests(): { entries: number; total: number; failed: number } {
    return this.meters.totals();
  }

  entries(): EntryFigures[] {
    return this.meters.list();
  }

  load(): ProcessLoad {
    return this.loadMeter.now();
  }

  reset(): void {
    this.meters.reset();
    this.loadMeter.reset();
  }
}
