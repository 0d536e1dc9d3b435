/** One run of a task: its statement, and its action for the rows. */
import type { OutboxItem } from "../contracts.js";
import type { Database } from "../database/database.js";
import { ApiError } from "../errors.js";
import type { Row } from "../request.js";
import type { Task, TaskAction } from "./task.js";

export interface Performer {
  database: Database;
  /** Milliseconds that the statement may take. */
  limit(): number;
  /** Calls an entry as the system; answers its text, with `ERROR: ` in front of a failure. */
  call(entry: string, named: [string, string][]): Promise<string>;
}

export interface Performed {
  /** In words, for lastresult. */
  result: string;
  /** To be stored together with the end of the run. */
  items: OutboxItem[];
}

/** Rows of a statement that a task looks at. */
const MOST_ROWS = 10_000;
const FAILED = /^ERROR: /;

/** Errors: DatabaseError, ApiError. */
export async function perform(task: Task, performer: Performer): Promise<Performed> {
  const { rows, told } = await rowsOf(task, performer);
  const { act, eachrow } = task;
  const targets = eachrow ? rows : rows.slice(0, 1);
  if (act === undefined || targets.length === 0) return { result: told, items: [] };
  demandColumns(act, targets[0] ?? {});
  if (act.kind === "stores") {
    const items = targets.flatMap((row) => act.items(row));
    return { result: `${told}${told === "" ? "" : ", "}${items.length} actions stored`, items };
  }
  const answers: string[] = [];
  for (const row of targets) answers.push(await performer.call(act.entry, act.named(row)));
  return { result: resultOfCalls(answers, told), items: [] };
}

/** Without a statement there is one row of nothing, so that the action runs once; a change that changed nothing has none. */
async function rowsOf({ statement }: Task, { database, limit }: Performer): Promise<{ rows: Row[]; told: string }> {
  if (statement === undefined) return { rows: [{}], told: "" };
  const { text, verb } = statement;
  const { rows, changed, truncated } = await database.runForeign(
    { text, values: [] },
    { maxRows: MOST_ROWS, timeout: limit() },
  );
  if (verb === "select" || rows.length > 0)
    return { rows, told: truncated ? `the first ${MOST_ROWS} rows` : `${rows.length} rows` };
  return { rows: changed > 0 ? [{ changed }] : [], told: `${changed} rows changed` };
}

function demandColumns({ columns }: TaskAction, row: Row): void {
  const there = new Set(Object.keys(row).map((name) => name.toLowerCase()));
  const missing = columns.find((name) => !there.has(name));
  if (missing !== undefined)
    throw new ApiError("failed", `the statement shows no column ${missing}, which actionbody uses`);
}

function resultOfCalls(answers: readonly string[], told: string): string {
  const failed = answers.filter((answer) => FAILED.test(answer));
  const [shown = ""] = [...failed, ...answers];
  const words = shown.replace(FAILED, "failed: ").split("\n")[0] ?? "";
  if (answers.length === 1) return words;
  return `${told}, ${answers.length - failed.length} done, ${failed.length} failed${failed.length > 0 ? `; the first: ${words}` : ""}`;
}
