/** The rows of tb_scheduledtasks: read, and changed by conditional statements that one of several servers wins. */

import { cellText } from "../database/cells.js";
import { type Database, DatabaseError, type Session } from "../database/database.js";
import type { Row } from "../request.js";
import { type StoredTask, scheduleOf, type TaskDefinition } from "./task.js";

const READ = `select id, name, cron, timezone, sqlcommand, action, actionbody, eachrow, catchup, enabled, nextrun, nextfor,
  runningby, runninguntil, lastrun, lastresult from tb_scheduledtasks order by id`;

interface Claim {
  /** The firing after this one. */
  next: string | null;
  by: string;
  /** Until then the run is that server's. */
  until: string;
  now: string;
}

export class TaskTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All tasks; a row that is named as a built-in one has its parts where they are empty. Makes the rows that are missing. */
  async read(builtIn: readonly TaskDefinition[]): Promise<StoredTask[]> {
    const { rows } = await this.#database.run({ text: READ, values: [] });
    const names = new Set(rows.map((row) => cellText(row["name"]).toLowerCase()));
    const missing = builtIn.filter(({ name }) => !names.has(name));
    if (missing.length === 0) return rows.map((row) => storedTask(row, builtIn));
    for (const { name, eachrow, catchup } of missing) await this.#add(name, eachrow, catchup);
    return this.read(builtIn);
  }

  /** Keeps when a task is due next; false when its schedule or its row is another meanwhile. */
  async plan({ id, nextrun, definition }: StoredTask, next: string | null): Promise<boolean> {
    return this.#changes(
      "update tb_scheduledtasks set nextrun = ?, nextfor = ? where id = ? and coalesce(nextrun, '') = ?",
      [next, next === null ? null : scheduleOf(definition), id, nextrun ?? ""],
    );
  }

  /** A firing that came and went without a server. */
  async skip(task: StoredTask, next: string | null): Promise<boolean> {
    return this.#changes("update tb_scheduledtasks set nextrun = ?, lastresult = ? where id = ? and nextrun = ?", [
      next,
      `missed: no server ran at ${task.nextrun}`,
      task.id,
      task.nextrun,
    ]);
  }

  /** Takes a firing: only one server does. */
  async claim({ id, nextrun }: StoredTask, { next, by, until, now }: Claim): Promise<boolean> {
    return this.#changes(
      "update tb_scheduledtasks set nextrun = ?, runningby = ?, runninguntil = ? where id = ? and nextrun = ? and enabled = 1 and (runningby is null or runninguntil < ?)",
      [next, by, until, id, nextrun, now],
    );
  }

  /** Takes a task that is not due. */
  async seize({ id }: StoredTask, by: string, until: string, now: string): Promise<boolean> {
    return this.#changes(
      "update tb_scheduledtasks set runningby = ?, runninguntil = ? where id = ? and (runningby is null or runninguntil < ?)",
      [by, until, id, now],
    );
  }

  async hold(by: string, until: string): Promise<void> {
    await this.#changes("update tb_scheduledtasks set runninguntil = ? where runningby = ?", [until, by]);
  }

  /** A run whose server is gone. Where it is to be made up for it is due at once. */
  async release({ id, nextrun, runningby, runninguntil, definition }: StoredTask, now: string): Promise<boolean> {
    return this.#changes(
      "update tb_scheduledtasks set runningby = null, runninguntil = null, lastresult = ?, nextrun = ? where id = ? and runningby = ? and runninguntil = ?",
      ["failed: the server ended during the run", definition.catchup ? now : nextrun, id, runningby, runninguntil],
    );
  }

  /** The end of a run. A firing that came meanwhile has waited and is due now. Errors: Error when another server has the task. */
  async end(
    session: Session,
    { id }: StoredTask,
    by: string,
    ran: { began: string; now: string; result: string },
  ): Promise<void> {
    const { began, now, result } = ran;
    const { changed } = await session.run({
      text: `update tb_scheduledtasks set runningby = null, runninguntil = null, lastrun = ?, lastresult = ?,
        nextrun = case when nextrun < ? then ? else nextrun end where id = ? and runningby = ?`,
      values: [began, result, now, now, id, by],
    });
    if (changed !== 1) throw new Error("the task was taken by another server meanwhile");
  }

  /** Another server may have been first. */
  async #add(name: string, eachrow: boolean, catchup: boolean): Promise<void> {
    const text = "insert into tb_scheduledtasks (name, cron, eachrow, catchup) values (?, '', ?, ?)";
    try {
      await this.#database.run({ text, values: [name, Number(eachrow), Number(catchup)] });
    } catch (cause) {
      if (!(cause instanceof DatabaseError && cause.kind === "duplicate")) throw cause;
    }
  }

  async #changes(text: string, values: (string | number | null)[]): Promise<boolean> {
    return (await this.#database.run({ text, values })).changed === 1;
  }
}

function storedTask(row: Row, builtIn: readonly TaskDefinition[]): StoredTask {
  const text = (name: string) => cellText(row[name]);
  const time = (name: string) => (row[name] === null || row[name] === undefined ? null : text(name));
  const name = text("name");
  const base = builtIn.find((task) => task.name === name.toLowerCase());
  const part = (column: "cron" | "timezone" | "sqlcommand" | "action" | "actionbody") =>
    text(column) || (base?.[column] ?? "");
  return {
    id: Number(row["id"]),
    definition: {
      name,
      cron: part("cron"),
      timezone: part("timezone"),
      sqlcommand: part("sqlcommand"),
      action: part("action"),
      actionbody: part("actionbody"),
      eachrow: Number(row["eachrow"]) === 1,
      catchup: Number(row["catchup"]) === 1,
    },
    enabled: Number(row["enabled"]) === 1,
    nextrun: time("nextrun"),
    nextfor: time("nextfor"),
    runningby: time("runningby"),
    runninguntil: time("runninguntil"),
    lastrun: time("lastrun"),
    lastresult: time("lastresult"),
  };
}
