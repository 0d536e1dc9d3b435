/** Puts the parts of an engine together: all but what listens. */
import { type Admission, makeAdmission } from "./admit/admit.js";
import { loadSealKey, makePasswords } from "./admit/seal.js";
import { TunnelSessions } from "./connections/tunnels.js";
import type { Action, Handle, Passwords, Services } from "./contracts.js";
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

/** Everything but the listening ports. */
export interface Engine {
  services: Services & { registry: LiveRegistry; schedule: Scheduler; settings: StoredSettings };
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
  const { database, settings, environment, log, purpose } = parts;
  const passwords = makePasswords(loadSealKey(environment, log), log);
  const made = purpose === "server" ? await firstStart({ database, settings, passwords, environment }) : {};
  const loaded = await loadActions();
  const { gate, ...core } = makeCore(parts, passwords, loaded, (incoming) => handle(incoming));
  const { services, admission, outbox, status } = core;
  await (purpose === "server" ? services.registry.start() : services.registry.load());
  await services.rates.refresh(true);
  await services.schedule.load();
  const { registry } = services;
  const carriers = makeCarriers(outbox.table, services, loaded.deliveries);
  const run = makeRun(services, loaded.operations);
  const handle = makeHandle({ registry, gate, admission, run, settings, log, status, count: status.count });
  const startActions = () => loaded.actions.forEach((action) => void action.start?.(services));
  return { ...core, handle, carriers, startActions, made, close: () => closeAll(core, loaded.actions) };
}

/** What requests are carried out with, on the database but not yet read from it. */
function makeCore(parts: Parts, passwords: Passwords, { operations, deliveries }: Loaded, handle: Handle) {
  const { database, settings, log, logFiles, inForce } = parts;
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
  const schedule = makeSchedule({ ...parts, registry, gate, outbox, deliveries, definitionsFolder, handle });
  const { nonces, bans } = admission;
  const state = {
    database,
    settings,
    registry,
    rates,
    passwords,
    nonces,
    bans,
    outbox,
    log,
    logFiles,
    status,
    tunnels,
  };
  const memory = [...memoryOf(state), ...admission.memory];
  const services: Engine["services"] = { ...state, storage, schedule, memory, handle };
  return { services, admission, outbox, status, tunnels, gate };
}

type Loaded = Awaited<ReturnType<typeof loadActions>>;

async function loadActions() {
  const actions = await loadRoom<Action>(actionsFolder);
  return { actions, operations: operationsOf(actions.values()), deliveries: deliveriesOf(actions.values()) };
}

/** First what begins work, then what carries it out, then what both stand on. */
async function closeAll(
  { services, outbox, admission, status }: Pick<Engine, "services" | "outbox" | "admission" | "status">,
  actions: readonly Action[],
): Promise<void> {
  await services.schedule.stop();
  await services.registry.stop();
  await outbox.stop();
  await Promise.all(actions.map((action) => action.stop?.(services)));
  await admission.close();
  await services.database.close();
  status.loadMeter.stop();
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
