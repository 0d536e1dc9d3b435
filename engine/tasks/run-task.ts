/** A run that was taken: carried out, and its end written down together with what it wants done. */
import { DatabaseError } from "../database/database.js";
import { patiently } from "../database/patiently.js";
import { toDatetime } from "../datetime.js";
import { ApiError, harmless } from "../errors.js";
import type { Log } from "../log.js";
import { outboxStatement } from "../run/outbox-table.js";
import { type Performed, type Performer, perform } from "./perform.js";
import type { TaskTable } from "./table.js";
import type { StoredTask, Task } from "./task.js";

interface Run {
  task: Task;
  stored: StoredTask;
  /** Who has taken it. */
  by: string;
  performer: Performer;
  table: TaskTable;
  log: Log;
}

/** Answers the result in words; it begins with `failed: ` where the run failed. Errors: of the database, when the end can't be written. */
export async function runTask(run: Run): Promise<{ result: string; stored: boolean }> {
  const began = toDatetime(Date.now());
  const { result, items } = await performed(run);
  const { stored, by, table, performer } = run;
  const words = harmless(result).slice(0, 2_000);
  await patiently(() =>
    performer.database.transaction(async (session) => {
      await table.end(session, stored, by, { began, now: toDatetime(Date.now()), result: words });
      for (const item of items) await session.run(outboxStatement(item));
    }),
  );
  return { result: words, stored: items.length > 0 };
}

async function performed({ task, performer, log }: Run): Promise<Performed> {
  try {
    return await perform(task, performer);
  } catch (cause) {
    log.warn({ event: "task", task: task.name, err: cause }, "a task failed");
    return { result: `failed: ${reasonOf(cause)}`, items: [] };
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof ApiError) return cause.text.replace(/^failed: /, "");
  return cause instanceof DatabaseError ? cause.message : "see the server's log";
}
