/** The tasks as they were compiled: each definition once. */
import { FaultError } from "../errors.js";
import type { Log } from "../log.js";
import { compileTask, type TaskContext } from "./compile.js";
import type { Task, TaskDefinition } from "./task.js";

/** Definitions that are kept; a table of more tasks is compiled again and again, but works. */
const KEPT = 10_000;

/** Milliseconds after which a faulty task is looked at again: the table that it lacks may be there by now. */
const FAULTY_FOR = 30_000;

interface Known {
  found: Task | FaultError;
  /** Milliseconds since 1970. */
  at: number;
}

export class TaskBook {
  readonly #context: () => TaskContext;
  readonly #log: Log;
  readonly #known = new Map<string, Known>();
  /** Those against which the tasks were compiled. */
  #entries: TaskContext["entries"] | undefined;

  constructor(context: () => TaskContext, log: Log) {
    this.#context = context;
    this.#log = log;
  }

  /**
   * The task, or what is wrong with it; a fault is logged when it is first found, and taken as it was found for
   * `faultyFor` milliseconds or until other entries are in force. Errors: DatabaseError.
   */
  async find(definition: TaskDefinition, faultyFor = FAULTY_FOR): Promise<Task | FaultError> {
    const context = this.#context();
    if (context.entries !== this.#entries) this.forget();
    this.#entries = context.entries;
    const key = JSON.stringify(definition);
    const known = this.#known.get(key);
    if (known !== undefined && !(known.found instanceof FaultError && Date.now() >= known.at + faultyFor))
      return known.found;
    const found = await compiled(definition, context);
    if (found instanceof FaultError && known === undefined)
      this.#log.error({ event: "faulty task", task: definition.name }, `task ${definition.name}: ${found.message}`);
    if (this.#known.size >= KEPT) this.#known.clear();
    this.#known.set(key, { found, at: Date.now() });
    return found;
  }

  forget(): void {
    this.#known.clear();
  }
}

async function compiled(definition: TaskDefinition, context: TaskContext): Promise<Task | FaultError> {
  try {
    return await compileTask(definition, context);
  } catch (cause) {
    if (cause instanceof FaultError) return cause;
    throw cause;
  }
}
