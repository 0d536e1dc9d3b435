/**
 * Runs tasks when they are due. What is due stands in the database (`nextrun`) and is taken by a conditional change of that
 * row: each firing runs once however many servers look; a process that was busy, or a database that was away, is late and
 * loses nothing; after a long pause there is one run and not one for each firing that was missed.
 */
import { randomUUID } from "node:crypto";
import type { Schedule, TaskReport } from "../contracts.js";
import { fromDatetime, toDatetime } from "../datetime.js";
import { ApiError, FaultError } from "../errors.js";
import type { Log } from "../log.js";
import { TaskBook } from "./book.js";
import type { TaskContext } from "./compile.js";
import type { Performer } from "./perform.js";
import { runTask } from "./run-task.js";
import { TaskTable } from "./table.js";
import { type StoredTask, scheduleOf, type Task, type TaskDefinition } from "./task.js";

/** Milliseconds between two looks at what is due. */
const LOOK_EVERY = 1_000;
/** Milliseconds by which a firing may be late and is still run; later it was missed. */
const GRACE = 60_000;
/** Milliseconds for which a run is its server's; held again at each look. */
const HOLD = 60_000;

export interface SchedulerParts {
  performer: Performer;
  log: Log;
  entries(): TaskContext["entries"];
  deliveries: TaskContext["deliveries"];
  /** Errors: Error that tells what is wrong with the file. */
  readBuiltIn(): Promise<TaskDefinition[]>;
  /** False while nothing may run: the database is being restored, say. */
  mayRun(): boolean;
  /** Something was stored in the outbox. */
  wake(): void;
}

export class Scheduler implements Schedule {
  readonly #parts: SchedulerParts;
  readonly #name = randomUUID();
  readonly #table: TaskTable;
  readonly #book: TaskBook;
  #builtIn: readonly TaskDefinition[] = [];
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  readonly #running = new Set<Promise<unknown>>();

  constructor(parts: SchedulerParts) {
    const { database } = parts.performer;
    this.#parts = parts;
    this.#table = new TaskTable(database);
    const context = () => ({
      dialect: database.dialect,
      entries: parts.entries(),
      deliveries: parts.deliveries,
      check: (texts: Iterable<string>) => database.check(texts),
    });
    this.#book = new TaskBook(context, parts.log);
  }

  /** Reads and compiles the tasks that every server has. Errors: Error that names the faulty one. */
  async load(): Promise<void> {
    const builtIn = await this.#parts.readBuiltIn();
    this.#book.forget();
    for (const definition of builtIn) {
      const found = await this.#book.find(definition);
      if (found instanceof FaultError) throw new Error(`definitions/tasks.yaml: ${definition.name}: ${found.message}`);
    }
    this.#builtIn = builtIn;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#looking ??= this.#look()
        .catch((err: unknown) =>
          this.#parts.log.warn({ event: "schedule", err }, "the tasks can't be looked at; it is tried again"),
        )
        .finally(() => {
          this.#looking = undefined;
        });
    }, LOOK_EVERY);
  }

  /** Resolves when the runs in hand have ended. */
  async stop(): Promise<void> {
    await this.#pause();
    await Promise.all(this.#running);
  }

  async restart(): Promise<{ tasks: number; faulty: TaskReport[] }> {
    const ran = this.#timer !== undefined;
    await this.#pause();
    try {
      await this.load();
      const reports = await this.list();
      return { tasks: reports.length, faulty: reports.filter(({ fault }) => fault !== "") };
    } finally {
      if (ran) this.start();
    }
  }

  async list(): Promise<TaskReport[]> {
    const reports: TaskReport[] = [];
    for (const stored of await this.#table.read(this.#builtIn)) {
      const found = await this.#book.find(stored.definition, 0);
      reports.push(reportOf(stored, found instanceof FaultError ? found.message : ""));
    }
    return reports;
  }

  async run(name: string): Promise<string> {
    const all = await this.#table.read(this.#builtIn);
    const stored = all.find(({ definition }) => definition.name.toLowerCase() === name.toLowerCase());
    if (stored === undefined) throw new ApiError("not found", "no task of that name; tasks lists those that there are");
    const task = await this.#book.find(stored.definition, 0);
    if (task instanceof FaultError) throw new ApiError("failed", `${stored.definition.name}: ${task.message}`);
    const now = Date.now();
    if (!(await this.#table.seize(stored, this.#name, toDatetime(now + HOLD), toDatetime(now))))
      throw new ApiError("conflict", `${task.name} is running now; try again when it has ended`);
    const result = await this.#hold(this.#run(task, stored));
    if (result.startsWith("failed: ")) throw new ApiError("failed", result.slice("failed: ".length));
    return result;
  }

  async #pause(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#looking;
  }

  async #look(): Promise<void> {
    if (!this.#parts.mayRun()) return;
    const now = Date.now();
    if (this.#running.size > 0) await this.#table.hold(this.#name, toDatetime(now + HOLD));
    for (const stored of await this.#table.read(this.#builtIn)) await this.#consider(stored, now);
  }

  async #consider(stored: StoredTask, now: number): Promise<void> {
    const { definition, enabled, nextrun, runningby, runninguntil } = stored;
    if (runningby !== null) {
      if (fromDatetime(runninguntil ?? "") < now) await this.#table.release(stored, toDatetime(now));
      return;
    }
    const task = enabled ? await this.#book.find(definition) : undefined;
    if (task === undefined || task instanceof FaultError) {
      if (nextrun !== null) await this.#table.plan(stored, null);
      return;
    }
    const next = task.next(new Date(now));
    const following = next === undefined ? null : toDatetime(next.getTime());
    if (stored.nextfor !== scheduleOf(definition)) await this.#table.plan(stored, following);
    else if (nextrun !== null && fromDatetime(nextrun) <= now) await this.#fire(task, stored, following, now);
  }

  async #fire(task: Task, stored: StoredTask, following: string | null, now: number): Promise<void> {
    const { log } = this.#parts;
    if (!task.catchup && now - fromDatetime(stored.nextrun ?? "") > GRACE) {
      if (await this.#table.skip(stored, following))
        log.warn({ event: "task", task: task.name, due: stored.nextrun }, "a firing was missed");
      return;
    }
    const [until, at] = [toDatetime(now + HOLD), toDatetime(now)];
    if (!(await this.#table.claim(stored, { next: following, by: this.#name, until, now: at }))) return;
    this.#hold(this.#run(task, stored)).catch((err: unknown) =>
      log.error({ event: "task", task: task.name, err }, "the end of a task can't be written down"),
    );
  }

  /** Kept until it has ended, so that it is held and waited for. */
  #hold(run: Promise<string>): Promise<string> {
    const kept = run.catch(() => undefined).finally(() => this.#running.delete(kept));
    this.#running.add(kept);
    return run;
  }

  async #run(task: Task, stored: StoredTask): Promise<string> {
    const { performer, log, wake } = this.#parts;
    const { result, stored: something } = await runTask({
      task,
      stored,
      by: this.#name,
      performer,
      table: this.#table,
      log,
    });
    if (something) wake();
    log.info({ event: "task", task: task.name, result }, "a task has run");
    return result;
  }
}

const reportOf = ({ definition, ...state }: StoredTask, fault: string): TaskReport => ({
  name: definition.name,
  enabled: Number(state.enabled),
  cron: definition.cron,
  timezone: definition.timezone || "UTC",
  action: [definition.action, definition.actionbody].filter((part) => part !== "").join(" "),
  lastrun: state.lastrun,
  lastresult: state.lastresult,
  nextrun: state.nextrun,
  running: state.runningby === null ? 0 : 1,
  fault,
});
