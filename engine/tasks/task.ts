/** A task: what a row, or the file of those that every server has, says of it; and what it is compiled to. */
import type { OutboxItem } from "../contracts.js";
import type { Row } from "../request.js";

/** One row of tb_scheduledtasks, or an item of `definitions/tasks.yaml`. */
export interface TaskDefinition {
  name: string;
  cron: string;
  timezone: string;
  /** Empty where there is none. */
  sqlcommand: string;
  /** A kind of custom_action by its number or word, `entry`, or empty. */
  action: string;
  actionbody: string;
  /** The action runs for each row; otherwise once, when there are rows. */
  eachrow: boolean;
  /** A firing that no server could run is made up for once. */
  catchup: boolean;
}

export interface Task extends TaskDefinition {
  /** The next firing after a moment. */
  next(after: Date): Date | undefined;
  /** The translated statement; undefined where there is none. */
  statement: { text: string; verb: "select" | "change" | "call" } | undefined;
  /** What happens with a row; undefined where only the statement runs. */
  act: TaskAction | undefined;
}

/** `stores` an item of the outbox, or `calls` an entry. */
export type TaskAction =
  | { kind: "stores"; columns: readonly string[]; items(row: Row): OutboxItem[] }
  | { kind: "calls"; columns: readonly string[]; entry: string; named(row: Row): [string, string][] };

/** What is kept of a task beside its definition. */
interface TaskState {
  id: number;
  enabled: boolean;
  nextrun: string | null;
  nextfor: string | null;
  runningby: string | null;
  runninguntil: string | null;
  lastrun: string | null;
  lastresult: string | null;
}

export interface StoredTask extends TaskState {
  definition: TaskDefinition;
}

/** The schedule for which a next run is found. */
export const scheduleOf = ({ cron, timezone }: TaskDefinition): string => `${cron}|${timezone}`.slice(0, 160);
