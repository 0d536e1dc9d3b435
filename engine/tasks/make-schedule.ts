/** The schedule of one server, put together. */
import type { Delivery, Handle, Outbox, Registry } from "../contracts.js";
import type { Database } from "../database/database.js";
import type { Gate } from "../gate.js";
import type { Log } from "../log.js";
import type { SettingsStore } from "../settings.js";
import { readBuiltIn } from "./built-in.js";
import { SCHEDULE } from "./compile.js";
import { Scheduler } from "./scheduler.js";

interface Parts {
  database: Database;
  settings: SettingsStore;
  registry: Registry;
  gate: Gate;
  outbox: Outbox;
  handle: Handle;
  deliveries: ReadonlyMap<string, Delivery>;
  definitionsFolder: URL;
  log: Log;
}

/** It is empty until `load`, and runs nothing by itself until `start`. */
export const makeSchedule = ({
  database,
  settings,
  registry,
  gate,
  outbox,
  handle,
  deliveries,
  definitionsFolder,
  log,
}: Parts) =>
  new Scheduler({
    performer: {
      database,
      limit: () => settings.current.tasktimeout,
      call: (entry, named) => callAsSchedule(handle, entry, named),
    },
    log,
    deliveries,
    entries: () => registry.current.entries,
    readBuiltIn: () => readBuiltIn(definitionsFolder),
    mayRun: () => !gate.shut,
    wake: () => outbox.wake(),
  });

/** A request of the schedule's own, through the same door as all others. */
async function callAsSchedule(handle: Handle, entry: string, named: [string, string][]): Promise<string> {
  const peer = { transport: "local", address: "127.0.0.1", forwarded: false, connection: "schedule" } as const;
  const { body } = await handle({
    peer: { ...peer, consoleUser: SCHEDULE.username },
    target: "",
    body: Buffer.alloc(0),
    contentType: "",
    command: { entry, named, positional: [], rest: "" },
  });
  return body.toString().trimEnd().replace(/^OK: /, "");
}
