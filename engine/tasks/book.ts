/** The tasks as they were compiled: each definition once. */
import { FaultError } from "../errors.js";
import type { Log } from "../log.js";
import { compileTask, type TaskContext } from "./compile.js";
import type { Task, TaskDefinition } from "./task.js";

/** Definitions that are kept; a table of more tasks is compiled again and again, but works. */
const KEPT = 10_000;

export class TaskBook {
  readonly #context: () => TaskContext;
  readonly #log: Log;
  readonly #known = new Map<string, Task | FaultError>();

  constructor(context: () => TaskContext, log: Log) {
    this.#context = context;
    this.#log = log;
  }

  /** The task, or what is wrong with it; a fault is logged when it is first found. Errors: DatabaseError. */
  async find(definition: TaskDefinition): Promise<Task | FaultError> {
    const key = JSON.stringify(definition);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = await compiled(definition, this.#context());
    if (found instanceof FaultError)
      this.#log.error({ event: "faulty task", task: definition.name }, `task ${definition.name}: ${found.message}`);
    if (this.#known.size >= KEPT) this.#known.clear();
    this.#known.set(key, found);
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
