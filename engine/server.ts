/** Puts the parts of a server together; starts them in order and stops them in reverse. */
import { type Admission, makeAdmission } from "./admit/admit.js";
import { loadSealKey, makePasswords } from "./admit/seal.js";
import { TunnelSessions } from "./connections/tunnels.js";
import type { Action, Handle, Services } from "./contracts.js";
import type { Database } from "./database/database.js";
import { migrate } from "./database/migrate.js";
import { type OpenOptions, openDatabase } from "./database/open.js";
import { SwitchableDatabase } from "./database/switchable.js";
import { firstStart, type Made } from "./first-start.js";
import { Gate } from "./gate.js";
import { makeHandle } from "./handle.js";
import { type Log, makeLog } from "./log.js";
import { LogFiles } from "./log-files.js";
import { memoryOf } from "./memory.js";
import { metricsPage } from "./metrics/page.js";
import { OPTIONS } from "./options.js";
import { PrefixRates } from "./rates.js";
import { type LiveRegistry, makeRegistry } from "./registry/registry.js";
import { loadRoom } from "./room.js";
import { type Carrier, deliveriesOf, makeCarriers } from "./run/deliveries.js";
import { OutboxWorker } from "./run/outbox.js";
import { makeRun, operationsOf } from "./run/run.js";
import { settingsOfEnvironment } from "./settings.js";
import { StoredSettings } from "./settings-store.js";
import { Status } from "./status.js";
import { DatabaseStorage } from "./storage/storage.js";
import { makeSchedule } from "./tasks/make-schedule.js";
import type { Scheduler } from "./tasks/scheduler.js";
import { openTransports, type Transports } from "./transports.js";

/** Everything but the listening ports. */
export interface Engine {
  services: Services & { registry: LiveRegistry; schedule: Scheduler };
  admission: Admission;
  handle: Handle;
  outbox: OutboxWorker;
  /** What carries out the outbox's items. */
  carriers: ReadonlyMap<string, Carrier>;
  status: Status;
  tunnels: TunnelSessions;
  /** Begins what actions do beside the requests. */
  startActions(): void;
  /** What a first start made, to be printed once. */
  made: Made;
  close(): Promise<void>;
}

const actionsFolder = new URL("../actions/", import.meta.url);
export const definitionsFolder = new URL("../../definitions/", import.meta.url);

/**
 * Opens the database, brings its tables up to date, and compiles the entries: for a server those that stand in `tb_api`, after
 * a first start's key, salt and administrator are made; for a single command those that are in force.
 * Errors: Error with words for the owner.
 */
export async function openEngine(
  environment: NodeJS.ProcessEnv,
  purpose: "server" | "command" = "server",
): Promise<Engine> {
  const logFolder = environment["TBAPI_LOGFOLDER"];
  const logFiles = logFolder ? new LogFiles(logFolder) : undefined;
  // There are lines before there is a registry.
  const inForce: { registry?: LiveRegistry } = {};
  const log = makeLog(environment["TBAPI_LOGLEVEL"] ?? "info", () => generationOf(inForce.registry), logFiles);
  const options = settingsOfEnvironment(environment);
  const address = environment["TBAPI_DB"] ?? "sqlite:data/tbapi.sqlite";
  let settings: StoredSettings | undefined;
  // The limit is an option, and options are in the database: until they are read the default holds.
  const timeout = () => settings?.current.sqltimeout ?? Number(OPTIONS.sqltimeout.default);
  const open = (where: string, how?: OpenOptions) => openDatabase(where, { timeout, log }, how);
  const database = new SwitchableDatabase(await open(address));
  try {
    await migrate(address);
    settings = new StoredSettings(database, options);
    await settings.reload();
    return await assemble({ database, address, open, settings, environment, log, logFiles, purpose, inForce });
  } catch (cause) {
    await database.close();
    throw cause;
  }
}

const generationOf = (registry: LiveRegistry | undefined): object =>
  registry === undefined ? {} : { generation: registry.current.generation };

interface Parts {
  database: SwitchableDatabase;
  address: string;
  open(address: string, options?: OpenOptions): Promise<Database>;
  settings: StoredSettings;
  environment: NodeJS.ProcessEnv;
  log: Log;
  logFiles: LogFiles | undefined;
  purpose: "server" | "command";
  /** Told the registry once it is made. */
  inForce: { registry?: LiveRegistry };
}

async function assemble(parts: Parts): Promise<Engine> {
  const { database, settings, environment, log, logFiles, purpose, inForce } = parts;
  const passwords = makePasswords(loadSealKey(environment, log), log);
  const made = purpose === "server" ? await firstStart({ database, settings, passwords, environment }) : {};
  const actions = await loadRoom<Action>(actionsFolder);
  const operations = operationsOf(actions.values());
  const deliveries = deliveriesOf(actions.values());
  const registry = makeRegistry({ database, log, seal: passwords.seal, operations, deliveries, definitionsFolder });
  inForce.registry = registry;
  const admission = makeAdmission({ database, settings, passwords, log });
  const outbox = new OutboxWorker(database, log);
  const rates = new PrefixRates(database);
  const status = new Status();
  const tunnels = new TunnelSessions(settings);
  const gate = new Gate();
  const renew = () => readAgain({ settings, registry, rates, admission });
  const storage = new DatabaseStorage({ ...parts, gate, renew, generation: () => registry.current.generation });
  const callHandle: Handle = (incoming) => handle(incoming);
  const schedule = makeSchedule({
    ...parts,
    registry,
    gate,
    outbox,
    deliveries,
    definitionsFolder,
    handle: callHandle,
  });
  const { nonces, bans } = admission;
  const state = { database, settings, registry, rates, passwords, nonces, bans, outbox, log, status, tunnels };
  const memory = [...memoryOf(state), ...admission.memory];
  const services: Engine["services"] = { ...state, logFiles, storage, schedule, memory, handle: callHandle };
  await (purpose === "server" ? registry.start() : registry.load());
  await rates.refresh(true);
  await schedule.load();
  const carriers = makeCarriers(outbox.table, services, deliveries);
  const run = makeRun(services, operations);
  const handle = makeHandle({ registry, gate, admission, run, settings, log, status, count: status.count });
  const close = async () => {
    await schedule.stop();
    await registry.stop();
    await outbox.stop();
    await Promise.all(actions.map((action) => action.stop?.(services)));
    await admission.close();
    await database.close();
    status.loadMeter.stop();
  };
  const startActions = () => actions.forEach((action) => void action.start?.(services));
  return { services, admission, handle, outbox, carriers, status, tunnels, startActions, made, close };
}

/** What a server keeps of its database, after that was restored or is another one. */
async function readAgain({ settings, registry, rates, admission }: ReadAgain): Promise<void> {
  await settings.reload();
  await registry.catchUp();
  await rates.refresh(true);
  await admission.refresh();
}
interface ReadAgain {
  settings: StoredSettings;
  registry: LiveRegistry;
  rates: PrefixRates;
  admission: Admission;
}

export interface RunningServer {
  engine: Engine;
  ports: Transports["ports"];
  /** Takes no new request, finishes those in flight, and closes everything. */
  stop(): Promise<void>;
}

/** Serves on `TBAPI_HOST`, `TBAPI_PORT` and `TBAPI_ADMINPORT`. Port 0 takes a free one. */
export async function startServer(engine: Engine, environment: NodeJS.ProcessEnv): Promise<RunningServer> {
  const { services, admission, handle, outbox, carriers, status, tunnels } = engine;
  // Bans and counters of before the start hold from the first request on.
  await admission.refresh();
  const transports = await openTransports({
    handle,
    settings: services.settings,
    log: services.log,
    host: environment["TBAPI_HOST"] ?? "0.0.0.0",
    port: portOf(environment, "TBAPI_PORT") ?? 80,
    adminPort: portOf(environment, "TBAPI_ADMINPORT"),
    consoleLogin: admission.consoleLogin,
    consoleAllowed: admission.consoleAllowed,
    tunnels,
    metrics: (peer) => metricsPage(peer, admission, services),
  });
  status.connections = transports.connections;
  status.loadMeter.start();
  engine.startActions();
  outbox.start(carriers);
  if (services.settings.current.scheduler) services.schedule.start();
  const stopTicking = everySecond(engine);
  return {
    engine,
    ports: transports.ports,
    async stop() {
      status.stopping = true;
      await transports.drain();
      await services.schedule.stop();
      await stopTicking();
      await engine.close();
    },
  };
}

function portOf(environment: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`${name} must be a port from 0 to 65535, not '${text}'`);
  return port;
}

/** Seconds between two looks at the price list. */
const PRICES_EVERY = 5;

/** What servers of one database tell each other, and the price list; a round that takes longer than a second delays the next. */
function everySecond({ admission, services: { rates, log } }: Engine): () => Promise<void> {
  let second = 0;
  let round: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    second += 1;
    round ??= Promise.all([admission.refresh(), second % PRICES_EVERY === 0 ? rates.refresh() : undefined])
      .catch((cause: unknown) =>
        log.warn({ event: "refresh", err: cause }, "the database can't be read; it is tried again"),
      )
      .finally(() => {
        round = undefined;
      });
  }, 1_000);
  return async () => {
    clearInterval(timer);
    await round;
  };
}
