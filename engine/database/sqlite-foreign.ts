/** The processes that run what administrators wrote (see sqlite-child.ts): a few, made when needed, ended when overdue. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Consequence } from "./consequence.js";
import { DatabaseError, type DatabaseErrorKind, type PoolState, type QueryResult, type Statement } from "./database.js";
import type { RunningStatements } from "./running.js";
import * as words from "./words.js";

/** Statements of administrators that run at the same time; further ones wait. */
const PROCESSES = 4;

const CHILD = fileURLToPath(new URL("sqlite-child.js", import.meta.url));

export interface ForeignTask {
  statement: Statement;
  /** Run after it in one transaction. */
  andThen: readonly Consequence[];
  maxRows: number | undefined;
}

export type ForeignAnswer = { result: QueryResult } | { kind: DatabaseErrorKind; message: string };

interface Waiting {
  start: (child: ChildProcess) => void;
  refuse: () => void;
}

const busy = () => new DatabaseError("unavailable", words.BUSY);

export class SqliteForeign {
  #file: string;
  #running: RunningStatements;
  #idle: ChildProcess[] = [];
  #all = new Set<ChildProcess>();
  #waiting: Waiting[] = [];
  #closed = false;

  constructor(file: string, running: RunningStatements) {
    this.#file = file;
    this.#running = running;
  }

  /**
   * Settles when the statement has ended, or its process is gone. `limit`: milliseconds that it may take, and that it may
   * have to wait for a process before.
   * Errors: DatabaseError.
   */
  run(task: ForeignTask, limit: number): Promise<QueryResult> {
    if (this.#closed) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      let child: ChildProcess | undefined;
      let failure = new DatabaseError("failed", "the statement's process ended");
      const waiting: Waiting = {
        start: (free) => begin(free),
        refuse: () => {
          this.#running.end(item);
          reject(busy());
        },
      };
      const item = this.#running.begin(task.statement.text, limit, () => {
        failure = new DatabaseError("timeout", words.overdue(limit));
        if (child !== undefined) return void child.kill("SIGKILL");
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        waiting.refuse();
      });
      const begin = (free: ChildProcess) => {
        child = free;
        this.#running.restart(item, limit);
        const answered = (answer: ForeignAnswer) => {
          free.off("exit", gone).off("error", gone);
          this.#running.end(item);
          this.#free(free);
          if ("result" in answer) resolve(answer.result);
          else reject(new DatabaseError(answer.kind, answer.message));
        };
        const gone = () => {
          free.off("message", answered).off("exit", gone).off("error", gone);
          this.#running.end(item);
          reject(failure);
        };
        free.once("message", answered).once("exit", gone).once("error", gone);
        free.send(task);
      };
      this.#waiting.push(waiting);
      this.#serve();
    });
  }

  get state(): PoolState {
    const busy = this.#all.size - this.#idle.length;
    return { name: "processes", size: PROCESSES, busy, waiting: this.#waiting.length };
  }

  /** Ends the processes that have nothing to do; the others are busy. */
  endIdle(): { ended: number; busy: number } {
    const idle = this.#idle.splice(0);
    const busy = this.#all.size - idle.length;
    for (const child of idle) child.disconnect();
    return { ended: idle.length, busy };
  }

  /** Ends what runs, and refuses what waits and whatever else is asked for. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse();
    const ends = [...this.#all].map((child) => once(child, "exit"));
    for (const child of this.#all) child.kill("SIGKILL");
    await Promise.all(ends);
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const child = this.#idle.pop() ?? (this.#all.size < PROCESSES ? this.#start() : undefined);
      if (child === undefined) return;
      this.#waiting.shift()?.start(child);
    }
  }

  #free(child: ChildProcess): void {
    // An answer may arrive while its process is being ended
    if (this.#all.has(child) && !child.killed) this.#idle.push(child);
    this.#serve();
  }

  #start(): ChildProcess {
    // No environment: it holds the server's keys
    const child = fork(CHILD, [this.#file], {
      serialization: "advanced",
      execArgv: [],
      env: {},
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#all.add(child);
    const gone = () => {
      this.#all.delete(child);
      this.#idle = this.#idle.filter((other) => other !== child);
      this.#serve();
    };
    // An error: it could not be started, or was gone before it was asked
    return child.on("exit", gone).on("error", gone);
  }
}
