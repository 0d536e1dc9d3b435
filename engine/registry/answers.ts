/** What a good answer of an entry shows: its text and its rows, or a file. */
import type { Content } from "../request.js";
import type { Definition, StepDefinition } from "./definition.js";
import type { Entry, RunScope, StepResult } from "./entry.js";
import type { Faults } from "./faults.js";
import { nearest } from "./nearest.js";
import type { DefinitionScope } from "./scope.js";
import { compileText } from "./texts.js";

/** Rows of the first named step that ran, or fields of the caller as one row. */
export function compileRows(definition: Definition["rows"], scope: DefinitionScope, faults: Faults): Entry["rows"] {
  if (definition === undefined) return undefined;
  if (typeof definition === "string" || Array.isArray(definition)) {
    const names = [definition].flat();
    for (const name of names)
      if (!scope.steps.has(name))
        faults.add(["rows"], `no step is called '${name}'; ${nearest(name, [...scope.steps])}`);
    return ({ steps }) => shownRows(names.map((name) => steps[name]).find((result) => result !== undefined));
  }
  const columns = definition.caller;
  for (const [index, field] of columns.entries()) {
    if (!scope.callerFields.has(field))
      faults.add(
        ["rows", "caller", index],
        `'${field}' is no field of the caller; ${nearest(field, [...scope.callerFields])}`,
      );
    scope.usedFields.add(field);
  }
  return ({ caller }) => ({
    rows: [Object.fromEntries(columns.map((column) => [column, caller.fields[column] ?? null]))],
    columns,
    truncated: false,
  });
}

/** A statement that showed no columns was no select. */
function shownRows(result: StepResult | undefined) {
  if (result === undefined || result.columns.length === 0) return undefined;
  const { rows, columns, truncated } = result;
  return { rows, columns, truncated };
}

/** The file that a called step gave. */
export function compileContent(
  { content, idempotent = false, steps = [] }: Definition,
  scope: DefinitionScope,
  faults: Faults,
): Entry["content"] {
  if (content === undefined) return undefined;
  if (!steps.some((step) => "call" in step && step.as === content))
    faults.add(["content"], `no called step is named '${content}'; ${nearest(content, [...scope.steps])}`);
  if (idempotent) faults.add(["content"], "a file can't be answered again, as 'idempotent' would have it");
  return (run) => run.steps[content]?.["content"] as Content | undefined;
}

/** Where a step's rows are shown their number is the text, unless the entry is bare; otherwise what the definition says. */
export function compileAnswer(
  definition: Definition,
  rows: Entry["rows"],
  scope: DefinitionScope,
  faults: Faults,
): Entry["answer"] {
  const { answer, bare = false, content, neverSucceeds = false, steps = [] } = definition;
  if (answer !== undefined && /error/i.test(answer))
    faults.add(["answer"], "a good answer can't contain the letters 'error': clients take it for a failure");
  if (answer === undefined && rows === undefined && content === undefined && !neverSucceeds)
    faults.add([], "the definition lacks 'answer', 'rows' or 'content'");
  const said = answer === undefined ? changesOf(steps) : faults.attempt(["answer"], () => compileText(answer, scope));
  const counted = rows !== undefined && !bare && !isCallerRow(definition.rows);
  return (run) => {
    const shown = counted ? rows(run) : undefined;
    return shown === undefined ? (said?.(run) ?? "") : `${shown.rows.length} rows`;
  };
}

/** The caller as one row, beside a text that says the same. */
export const isCallerRow = (rows: Definition["rows"]): boolean => typeof rows === "object" && !Array.isArray(rows);

/** What a change of a row of tb_api answers. */
function changesOf(steps: readonly StepDefinition[]): (run: RunScope) => string {
  const last = steps.at(-1)?.as;
  return ({ deferred, steps: done }) => {
    const result = last === undefined ? undefined : done[last];
    return deferred || result === undefined ? "accepted" : `${result.changed} rows changed`;
  };
}
