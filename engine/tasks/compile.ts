/** From the definition of a task to the task. What is wrong is told at once, not at three in the night. */
import type { Delivery, OutboxItem } from "../contracts.js";
import type { Dialect } from "../database/database.js";
import { ApiError, FaultError } from "../errors.js";
import { type Entry, HOOK_KINDS, type RunScope, type ValueTemplate } from "../registry/entry.js";
import { Faults } from "../registry/faults.js";
import { compileHooks } from "../registry/hooks.js";
import { nearest } from "../registry/nearest.js";
import { type DefinitionScope, SECRET_FIELDS } from "../registry/scope.js";
import { Statements } from "../registry/statements.js";
import { makeTextEnvironment } from "../registry/texts.js";
import { compileValue } from "../registry/values.js";
import type { Caller, Row } from "../request.js";
import { hookItems } from "../run/hooks.js";
import { translateStatement } from "../template/compile.js";
import { parseCommand } from "../transports/command.js";
import type { Task, TaskAction, TaskDefinition } from "./task.js";
import { timesOf } from "./times.js";

export interface TaskContext {
  dialect: Dialect;
  entries: ReadonlyMap<string, Entry>;
  deliveries: ReadonlyMap<string, Delivery>;
  /** Answers what is wrong with statements, as `Database.check` does. */
  check(texts: Iterable<string>): Promise<ReadonlyMap<string, { message: string }>>;
}

/** Who acts where no caller does. */
export const SCHEDULE: Caller = { id: 0, username: "schedule", kind: "server-admin", fields: {} };

const CALL = "entry";
const COLUMN = /\{([a-z_]\w*)\}/gi;
const TEXTS = makeTextEnvironment(new Map());

/** Errors: FaultError with everything that is wrong. */
export async function compileTask(definition: TaskDefinition, context: TaskContext): Promise<Task> {
  const next = timesOf(definition.cron, definition.timezone);
  const statement = statementOf(definition, context);
  const { act, texts } = actionOf(definition, context);
  if (statement === undefined && act === undefined)
    throw new FaultError("it has neither a sqlcommand nor an action, so that it would do nothing");
  if (statement === undefined && act !== undefined && act.columns.length > 0)
    throw new FaultError(`actionbody: {${act.columns[0]}} is a column of sqlcommand, which is empty`);
  for (const [text, { message }] of await context.check([...(statement ? [statement.text] : []), ...texts]))
    throw new FaultError(`${text === statement?.text ? "sqlcommand" : "actionbody"}: ${message}`);
  return { ...definition, next, statement, act };
}

function statementOf({ sqlcommand }: TaskDefinition, { dialect }: TaskContext): Task["statement"] {
  if (sqlcommand.trim() === "") return undefined;
  try {
    return translateStatement(sqlcommand, dialect);
  } catch (cause) {
    if (cause instanceof ApiError) throw new FaultError(`sqlcommand: ${cause.detail}`);
    throw cause;
  }
}

function actionOf(definition: TaskDefinition, context: TaskContext): { act: TaskAction | undefined; texts: string[] } {
  const word = definition.action.trim().toLowerCase();
  if (word === "" || word === "0") return { act: undefined, texts: [] };
  if (word === CALL) return { act: callOf(definition, context), texts: [] };
  const kind = HOOK_KINDS[Number(word) - 1] ?? HOOK_KINDS.find((one) => one === word);
  if (kind === undefined)
    throw new FaultError(`action '${word}' is not known; ${nearest(word, [...HOOK_KINDS, CALL])}`);
  const faults = faultsOf(definition);
  const statements = new Statements(context.dialect, faults);
  const hooks = compileHooks(
    { success: [{ [kind]: definition.actionbody }] },
    { scope: scopeOf(), statements, deliveries: context.deliveries },
  );
  const [first] = faults.list;
  if (first !== undefined) throw new FaultError(`actionbody: ${first.message}`);
  const name = `task ${definition.name}`.slice(0, 64);
  const items = (row: Row): OutboxItem[] => hookItems("success", { name, hooks }, SCHEDULE, runScope(row));
  const texts = statements.placed.flatMap(({ template }) => template.texts);
  return { act: { kind: "stores", columns: columnsOf(definition.actionbody), items }, texts };
}

function callOf({ actionbody }: TaskDefinition, { entries }: TaskContext): TaskAction {
  const { entry, named, positional } = parseCommand(actionbody);
  const found = entries.get(entry.toLowerCase());
  if (found === undefined)
    throw new FaultError(`actionbody: '${entry}' is not an entry; ${nearest(entry, [...entries.keys()])}`);
  if (positional.length > 0)
    throw new FaultError(`actionbody: '${positional[0]}' has no name; write ENTRY,name=value,name=value`);
  const values = named.map(([name, value]): [string, ValueTemplate] => [name, compileValue(value, scopeOf())]);
  return {
    kind: "calls",
    columns: columnsOf(actionbody),
    entry: found.name,
    named: (row) => values.map(([name, value]) => [name, String(value(runScope(row)) ?? "")]),
  };
}

/** `{column}` stands for the value of the row, bound like a parameter of a request. */
const scopeOf = (): DefinitionScope => ({
  params: new Map(),
  open: true,
  callerFields: new Set(),
  secretFields: SECRET_FIELDS,
  steps: new Set(),
  texts: TEXTS,
  usedFields: new Set(),
});

const runScope = (row: Row): RunScope => ({
  params: {},
  loose: new Map(Object.entries(row).map(([name, cell]) => [name.toLowerCase(), cell === null ? null : String(cell)])),
  caller: SCHEDULE,
  steps: {},
});

const columnsOf = (body: string): string[] => [
  ...new Set([...body.matchAll(COLUMN)].map(([, name = ""]) => name.toLowerCase())),
];

const faultsOf = ({ name }: TaskDefinition): Faults =>
  new Faults({
    entry: name,
    source: "tb_scheduledtasks",
    locate: (_path, { inner } = {}) => inner ?? { line: 1, column: 1 },
  });
