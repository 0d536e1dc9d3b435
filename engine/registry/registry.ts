/** The entries in force: one snapshot, replaced whole; the same on every server of the database. */
import { setTimeout as pause } from "node:timers/promises";
import { Mutex } from "async-mutex";
import type { Registry, ReloadReport, Snapshot } from "../contracts.js";
import type { Database, Statement } from "../database/database.js";
import { ApiError, type DefinitionFault, describeFault } from "../errors.js";
import type { Log } from "../log.js";
import { Builder, type BuildOptions, type Candidate, type RowTexts } from "./build.js";
import {
  type Applied,
  beginHistory,
  changesBetween,
  inverseStatements,
  readApplied,
  readGeneration,
  readLastChanges,
  readLiveRows,
  record,
} from "./history.js";
import { differences, FaultyDefinitions, refusal } from "./report.js";

export interface LiveRegistry extends Registry {
  /** Loads what stands in the files and rows, and follows what other servers put into force. Errors: FaultyDefinitions for files. */
  start(): Promise<void>;
  /** Loads the set that is in force in the database and changes nothing there: for one command beside running servers. */
  load(): Promise<void>;
  /** Loads what another server, or a restore of the database, has put into force. Errors: FaultyDefinitions for files. */
  catchUp(): Promise<void>;
  stop(): Promise<void>;
  /** Everything that is wrong with the files and rows as they stand now; nothing is put into force. */
  check(): Promise<DefinitionFault[]>;
}

export interface RegistryOptions extends BuildOptions {
  log: Log;
}

/** Milliseconds between two looks at the generation of the database; after a failed load, until it is tried again. */
const LOOK_EVERY = 500;
const TRY_AGAIN_AFTER = 5_000;
/** Attempts of a reload while other servers reload at the same time. */
const ATTEMPTS = 5;

/** Rows to be put into force, and what is written together with them. */
interface Plan {
  rows: RowTexts;
  also?: readonly Statement[];
}

/** Makes the registry of one server; it is empty until `start`. */
export const makeRegistry = (options: RegistryOptions): LiveRegistry => new DatabaseRegistry(options);

class DatabaseRegistry implements LiveRegistry {
  readonly #database: Database;
  readonly #log: Log;
  readonly #builder: Builder;
  readonly #mutex = new Mutex();
  readonly #stopped = new AbortController();
  #following: Promise<void> | undefined;
  #snapshot: Snapshot = Object.freeze({ generation: 0, entries: new Map(), faults: [] });
  #applied: Applied = { generation: 0, rows: new Map() };
  #behind = false;

  constructor(options: RegistryOptions) {
    this.#database = options.database;
    this.#log = options.log;
    this.#builder = new Builder(options);
  }

  get current(): Snapshot {
    return this.#snapshot;
  }

  get behind(): boolean {
    return this.#behind;
  }

  get reloading(): boolean {
    return this.#mutex.isLocked();
  }

  async start(): Promise<void> {
    await beginHistory(this.#database);
    const plan = async () => ({ rows: await readLiveRows(this.#database) });
    await this.#mutex.runExclusive(() => this.#publish("start", plan, true));
    this.#following = this.#follow(this.#stopped.signal);
  }

  async load(): Promise<void> {
    await beginHistory(this.#database);
    const applied = await readApplied(this.#database);
    const candidate = await this.#builder.build(applied.rows);
    if (candidate.fileFaults.length > 0) throw new FaultyDefinitions(candidate.fileFaults);
    this.#swap(candidate, applied);
  }

  catchUp(): Promise<void> {
    return this.#mutex.runExclusive(() => this.#load());
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#following;
  }

  reload(by: string): Promise<ReloadReport> {
    return this.#publishStrictly(by, async () => ({ rows: await readLiveRows(this.#database) }));
  }

  undo(by: string): Promise<ReloadReport> {
    return this.#publishStrictly(by, async (applied) => {
      const changes = await readLastChanges(this.#database);
      if (changes.length === 0) throw new ApiError("not found", "there is no reload to undo");
      const rows = new Map(applied.rows);
      for (const { name, before } of changes)
        if (before === undefined) rows.delete(name);
        else rows.set(name, before);
      return { rows, also: inverseStatements(changes) };
    });
  }

  async check(): Promise<DefinitionFault[]> {
    const { fileFaults, rowFaults } = await this.#builder.build(await readLiveRows(this.#database));
    return [...fileFaults, ...rowFaults];
  }

  statements(): { entry: string; texts: string[] }[] {
    return [...this.#snapshot.entries].flatMap(([name, entry]) => {
      if (name !== entry.name) return [];
      const ofSteps = entry.steps.flatMap((step) => (step.kind === "sql" ? step.template.texts : []));
      const ofHooks = entry.hooks.flatMap((hook) => (hook.kind === "sql" ? [hook.template] : hook.selects));
      return [{ entry: name, texts: [...ofSteps, ...ofHooks.flatMap(({ texts }) => texts)] }];
    });
  }

  async #publishStrictly(by: string, plan: (applied: Applied) => Promise<Plan>): Promise<ReloadReport> {
    try {
      return await this.#mutex.runExclusive(() => this.#publish(by, plan, false));
    } catch (cause) {
      throw cause instanceof FaultyDefinitions ? refusal(cause) : cause;
    }
  }

  /** At the start faulty rows are closed and a set without changes is no new generation; a reload puts all into force or nothing. */
  async #publish(by: string, plan: (applied: Applied) => Promise<Plan>, atStart: boolean): Promise<ReloadReport> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const applied = await this.#latest();
      const { rows, also = [] } = await plan(applied);
      const candidate = await this.#builder.build(rows);
      const faults = atStart ? candidate.fileFaults : [...candidate.fileFaults, ...candidate.rowFaults];
      if (faults.length > 0) throw new FaultyDefinitions(faults);
      const changes = changesBetween(applied.rows, rows);
      const kept = atStart && changes.length === 0;
      const generation = kept
        ? applied.generation
        : await record(this.#database, { base: applied.generation, by, changes, also });
      if (generation !== undefined) return this.#swap(candidate, { generation, rows });
    }
    throw new ApiError("not available", "other servers reload at the same time; try again");
  }

  /** The rows in force in the database, which another server may have changed. */
  async #latest(): Promise<Applied> {
    const generation = await readGeneration(this.#database);
    return generation === this.#applied.generation ? this.#applied : readApplied(this.#database);
  }

  #swap(candidate: Candidate, applied: Applied): ReloadReport {
    const { entries, rowFaults: faults } = candidate;
    const { generation } = applied;
    const report = { generation, ...differences(this.#snapshot.entries, entries) };
    this.#builder.adopt(candidate);
    this.#applied = applied;
    this.#snapshot = Object.freeze({ generation, entries, faults: Object.freeze(faults) });
    this.#behind = false;
    this.#log.info({ event: "definitions", entries: entries.size }, "definitions are in force");
    for (const fault of faults) this.#log.error({ event: "faulty row" }, describeFault(fault));
    return report;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#behind ? TRY_AGAIN_AFTER : LOOK_EVERY, undefined, { signal, ref: false }).catch(
        () => undefined,
      );
      if (!signal.aborted) await this.#look();
    }
  }

  async #look(): Promise<void> {
    try {
      if ((await readGeneration(this.#database)) > this.#snapshot.generation) await this.catchUp();
    } catch (err) {
      this.#log.error({ event: "definitions", err }, "a newer generation can't be loaded");
    }
  }

  /** Another server has found these rows good; where they are not so here they are closed here. */
  async #load(): Promise<void> {
    const applied = await readApplied(this.#database);
    if (applied.generation <= this.#snapshot.generation) return;
    try {
      const candidate = await this.#builder.build(applied.rows);
      if (candidate.fileFaults.length > 0) throw new FaultyDefinitions(candidate.fileFaults);
      this.#swap(candidate, applied);
    } catch (cause) {
      this.#behind = true;
      throw cause;
    }
  }
}
