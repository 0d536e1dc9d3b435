/** What can be added to the engine, and what it hands to what is added; types only, on one screen. */
import type { Database, Session } from "./database/database.js";
import type { DefinitionFault } from "./errors.js";
import type { Log } from "./log.js";
import type { LogFiles } from "./log-files.js";
import type { Entry, Params } from "./registry/entry.js";
import type {
  Answer,
  AnswerFormat,
  ApiRequest,
  Caller,
  Cell,
  EncodedAnswer,
  ParamValue,
  Peer,
  RelayTarget,
  Row,
} from "./request.js";
import type { SettingsStore } from "./settings.js";

/** A capability outside SQL: one file of `actions/`, default export; the file's stem is its name. */
export interface Action {
  name: string;
  operations: Readonly<Record<string, Operation>>;
  /** What carries out the outbox's items of the kind `name.delivery`, after the answer. */
  deliveries?: Readonly<Record<string, Delivery>>;
  /** Begins what runs beside the requests of a server, such as a link to a provider. */
  start?(services: Services): void;
  /** Ends it, and whatever else the action holds open; the outbox has stopped by then. */
  stop?(services: Services): Promise<void>;
}

/** What a `call:` step hands to an operation, by name. */
export type Input = Readonly<Record<string, Cell | undefined>>;

/** `name.operation` of a `call:` step. */
export interface Operation {
  summary: string;
  /** Each input with its meaning; one that is marked with `?` may be left out. */
  input: Readonly<Record<string, string>>;
  /** Does nothing outside the database, so that it may run inside a transaction. */
  transactional: boolean;
  /** Errors: ApiError, whose words are answered. */
  run(input: Input, context: ActionContext): Promise<ActionResult>;
}

export interface ActionContext {
  /** The transaction of the entry, or the database. */
  session: Session;
  services: Services;
  caller: Caller;
  request: ApiRequest;
  entry: Entry;
  params: Params;
  /** Stores an item of the outbox beside the changes of this entry; its worker is told after the answer. */
  store(item: Pick<OutboxItem, "kind" | "lane" | "body">): Promise<void>;
  /**
   * Has something waited for once the changes of this entry are committed; what it gives back replaces fields of this
   * step's result in the answer. An ApiError becomes the answer, and undoes nothing.
   */
  afterwards(work: () => Promise<Readonly<Record<string, Cell>>>): void;
}

/** Carries out one kind of the outbox's items: outside any transaction, perhaps on another server, perhaps again after a crash. */
export interface Delivery {
  summary: string;
  /** Seconds that one try may take; the item is another worker's afterwards. */
  seconds: number;
  /** After how many tries an item is given up. */
  tries: number;
  /**
   * One try. What it gives back is committed together with the end of the item, so that both happen or neither.
   * Errors: PassingError when a later try may do better; anything else gives the item up at once.
   */
  deliver(item: DeliveredItem, context: DeliveryContext): Promise<Booking | undefined>;
  /** Committed together with the item's last state `failed`: a refund, say. */
  givenUp?(item: DeliveredItem, reason: string): Booking;
}
export interface DeliveredItem {
  id: number;
  /** As it was stored, out of JSON. */
  body: unknown;
  entry: string;
  userId: number;
  /** Tries, this one included. */
  tries: number;
}
interface DeliveryContext {
  services: Services;
  /** Ends when the time of this try is over, or the server has to stop. */
  signal: AbortSignal;
  /** The item stays in the outbox as `done`, with these words, instead of being removed. */
  keep(outcome: string): void;
}
/** Changes to be made in a transaction. */
export type Booking = (session: Session) => Promise<void>;

/** Fields that later steps and the answer may use; `rows` and `columns` where there are rows; `close` ends the connection. */
interface ActionResult {
  rows?: Row[];
  columns?: string[];
  truncated?: boolean;
  close?: boolean;
  /** The console goes on with that one. */
  relay?: RelayTarget;
  [field: string]: unknown;
}

/** What the engine hands to actions. */
export interface Services {
  database: Database;
  settings: SettingsStore;
  registry: Registry;
  rates: RateTable;
  passwords: Passwords;
  nonces: Nonces;
  bans: Bans;
  outbox: Outbox;
  log: Log;
  /** undefined where the log goes to standard error. */
  logFiles: LogFiles | undefined;
  status: ServerStatus;
  tunnels: Tunnels;
  /** What this server keeps in memory. */
  memory: readonly MemoryList[];
  storage: Storage;
  schedule: Schedule;
  /** For requests that come in by other ways than a socket, such as a command by SMS. */
  handle: Handle;
}

/** The entries in force. */
export interface Snapshot {
  readonly generation: number;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Faulty rows that were left out at start. */
  readonly faults: readonly DefinitionFault[];
}

export interface Registry {
  /** Read once by each request. */
  readonly current: Snapshot;
  /** True while the database has a newer generation that this server could not load yet. */
  readonly behind: boolean;
  /** True while a set is being made or read. */
  readonly reloading: boolean;
  /** Every text that an entry can ever send to the database. */
  statements(): { entry: string; texts: string[] }[];
  /** Errors: ApiError "failed" whose detail names each fault by entry; the snapshot in force stays. */
  reload(by: string): Promise<ReloadReport>;
  /** Brings the rows before the last reload back, and reloads. */
  undo(by: string): Promise<ReloadReport>;
}
export interface ReloadReport {
  generation: number;
  added: string[];
  changed: string[];
  removed: string[];
}

/** The price list in memory, the number cache: longest prefix first. */
export interface RateTable {
  /** `number` is digits only. `resellerId` 0 is the default list. undefined when no prefix fits. */
  find(number: string, resellerId: number, kind: "call" | "sms"): Rate | undefined;
  /** All rates whose prefix fits, the one that `find` gives first: the reseller's own, then those of the default list. */
  matches(number: string, resellerId: number, kind: "call" | "sms"): Rate[];
  /** Reads the price list again when it has changed since; always with `force`. Answers the number of prices. */
  refresh(force?: boolean): Promise<number>;
  readonly count: number;
  /** All prices, each with the digits and the list by which it is found. */
  all(): Iterable<{ prefix: string; resellerId: number; kind: "call" | "sms"; rate: Rate }>;
  /** Drops the prices of one owner's lists (0 the default ones) and reads them again; all are found at any moment. */
  reread(resellerId: number): Promise<{ dropped: number; read: number }>;
  /** Makes the maps of prefixes anew from the prices in memory. */
  reindex(): Promise<RateTableSize>;
  size(): Promise<RateTableSize>;
}
export interface RateTableSize {
  prices: number;
  lists: number;
  /** Digits of the longest prefix. */
  longest: number;
  /** Of the prices, written one after the other; the maps need some more. */
  bytes: number;
}
export interface Rate {
  /** Of the row of tb_billentries. */
  id: number;
  /** Of the list in tb_billsources; 0 for a row without one. */
  list: number;
  prefix: string;
  name: string;
  /** Decimal text without trailing zeros, a minute or a message. */
  price: string;
  currency: string;
  /** Seconds of a step. */
  billingStep: number;
  /** Seconds of the first interval, which is charged whole; 0 for a step's. */
  minDuration: number;
  connectFee: string;
  /** Seconds after which the rest of a call is free; 0 for never. */
  freeAfter: number;
}

/** Passwords at rest: sealed, never hashed, since the digests need them. */
export interface Passwords {
  /** Text that `open` gives back; differs each time. */
  seal(clear: string): string;
  /** The clear password of a sealed or (left by another system) clear text; undefined when it can't be opened. */
  open(stored: string): string | undefined;
  isSealed(stored: string): boolean;
  /** Constant time. */
  matches(stored: string, clear: string): boolean;
  /** Accounts whose opened passwords are kept in memory, and their end. */
  readonly kept: number;
  forget(): void;
  /** What `tb_users.pinhash` holds for a PIN, or of another text: equal for equal ones, useless without the key. */
  pinHash(pin: string): string;
}

export interface Nonces {
  /** A new nonce for that caller and address: 32 characters, kept in the database, used once. */
  issue(userId: number, address: string): Promise<string>;
}

export interface Bans {
  /** Lifts the ban of one address, or of all; answers how many. */
  lift(address: string | "all"): Promise<number>;
  /** Takes the bans as the database has them. */
  refresh(): Promise<void>;
  /** Banned addresses, networks and ranges. */
  readonly size: number;
}

export interface Outbox {
  /** Stores an item in the transaction of the change that caused it. */
  put(session: Session, item: OutboxItem): Promise<void>;
  /** Tells the worker that there is something new. Call it after the commit. */
  wake(): void;
  counts(): Promise<{ waiting: number; failed: number }>;
  /**
   * Gives a failed item, or all of them, all its tries again; answers how many. Left out are those whose failure was booked
   * (`givenUp`). Errors: ApiError.
   */
  retry(which: number | "all"): Promise<number>;
  /** Ends the pauses of the items of a kind that wait for their next try; answers how many are waiting. */
  hasten(kind: string): Promise<number>;
}
export interface OutboxItem {
  /** `sql` or `change` for a statement, `action.delivery` for everything else. */
  kind: string;
  /** Items of one kind and lane are carried out one after the other, in the order in which they were stored. */
  lane?: string;
  /** JSON. */
  body: unknown;
  entry: string;
  userId: number;
  /** Seconds until the first try; none where absent. */
  after?: number;
}

/** Scheduled tasks. */
export interface Schedule {
  list(): Promise<TaskReport[]>;
  /** Runs a task now; answers its result in words. Errors: ApiError "not found", "conflict" while it runs, "failed". */
  run(name: string): Promise<string>;
  /** Reads and compiles all tasks again. Errors: Error when the file of the built-in ones is faulty. */
  restart(): Promise<{ tasks: number; faulty: TaskReport[] }>;
}
export interface TaskReport extends Row {
  name: string;
  lastresult: string | null;
  /** What is wrong with it; empty where nothing is. */
  fault: string;
}

/** Backups, and the second database. All errors are ApiErrors. */
export interface Storage {
  /** Under that name or one of the time; none where there is one that is younger than so many hours. */
  backup(name: string | undefined, youngerThan: number): Promise<{ backup: BackupReport; made: boolean }>;
  /** Puts a backup in place of all data, which a new backup keeps; other requests are turned away meanwhile. */
  restore(name: string): Promise<RestoreReport>;
  /** Puts all data in place of those of the database that is not in use. */
  copyToOther(): Promise<{ place: number; milliseconds: number }>;
  places(): Promise<PlaceState[]>;
  /** Uses the other database from now on, on this server; `withCopy`: after a copy of all data. */
  changeOver(wanted: number | undefined, withCopy: boolean): Promise<{ place: number }>;
}
interface BackupReport {
  name: string;
  bytes: number;
}
export interface RestoreReport {
  backup: BackupReport;
  /** What was there before. */
  safety: BackupReport;
}
/** 1 is that of `TBAPI_DB`, 2 that of `db2`. */
export interface PlaceState extends Row {
  database: number;
  state: string;
}

/** What `info` and `heartbeat` tell of the process. */
export interface ServerStatus {
  readonly version: string;
  readonly startedAt: Date;
  connections(): number;
  /** `entries`: how many were called. */
  requests(): { entries: number; total: number; failed: number };
  /** The entries that were called, by name. */
  entries(): EntryFigures[];
  load(): ProcessLoad;
  /** Takes no new work: the server ends, or `willStop` is set. */
  readonly draining: boolean;
  /** Set by an administrator: only what is for administrators is carried out until it is unset. */
  willStop: boolean;
  /** Begins counting again. */
  reset(): void;
  /**
   * Ends the process so that its supervisor starts it again: after what is in flight, or at once with `force`.
   * Errors: ApiError "not available" in a process that is not a server's.
   */
  restart(force: boolean): void;
}
export interface EntryFigures {
  /** A name of the registry, or `unknown`. */
  entry: string;
  calls: number;
  failed: number;
  /** Of all calls together. */
  milliseconds: number;
  /** Milliseconds within which so many of a hundred calls were answered. */
  p50: number;
  p95: number;
  p99: number;
  longest: number;
  /** Calls that took at most as long as each of `BUCKETS` (engine/metrics/meters.ts). */
  upTo: readonly number[];
}
/** Since the start, or since the figures were reset. */
export interface ProcessLoad {
  /** Milliseconds for which the event loop was late. */
  delay: { p50: number; p99: number; longest: number };
  /** Part of the time in which the event loop was busy, from 0 to 1. */
  busy: number;
  cpuSeconds: number;
  /** CPU seconds a second. */
  cpu: number;
}

/** Hidden requests, and the connections on which they came. */
export interface Tunnels {
  /** Bytes received and sent are those of the hidden form. */
  counters(): { open: number; sessions: number; requests: number; received: number; sent: number };
  open(): readonly TunnelSession[];
  /** Begins counting again. */
  reset(): void;
}
export interface TunnelSession {
  readonly id: string;
  readonly transport: string;
  readonly address: string;
  readonly began: Date;
  last: Date;
  requests: number;
  received: number;
  sent: number;
}

/** Something that this server keeps in memory. */
export interface MemoryList {
  name: string;
  size(): number;
  /** Frees what can be made again; absent where nothing can. */
  free?(): Promise<unknown> | unknown;
}

/** How a request comes in and how its answer goes out: one file of `engine/formats/`, default export. */
export interface Format {
  name: string;
  /** The content types that it reads, in lower case; empty when it only writes. */
  reads: readonly string[];
  /** Parameters of a body. Names as sent. Errors: ApiError "wrong parameter". */
  decode?(body: Buffer, contentType: string): Promise<[string, ParamValue][]> | [string, ParamValue][];
  /** The answer formats that it writes. */
  writes: readonly AnswerFormat[];
  encode?(
    answer: Answer,
    request: Pick<ApiRequest, "format" | "callback" | "entry" | "old">,
  ): { contentType: string; body: string };
  /** HTTP status under `httpstrictresponse`; 200 or 499 where absent. */
  status?(answer: Answer, request: Pick<ApiRequest, "entry" | "old">): number;
}

/** What every transport ends in. Never throws nor rejects: an error is an answer. A promise only where something is waited for. */
export type Handle = (incoming: Incoming) => EncodedAnswer | Promise<EncodedAnswer>;

/** A request before it is decoded. */
export interface Incoming {
  peer: Peer;
  /** The address behind the host: `/mvapireq/?apientry=...`; empty where the transport has none. */
  target: string;
  /** Empty where there is none. */
  body: Buffer;
  contentType: string;
  /**
   * Parameters by position and name from a transport that has its own form (the console). `rest` is all that stands
   * behind the entry's name, as it was typed.
   */
  command?: { entry: string; named: [string, string][]; positional: string[]; rest: string };
}
