/** What a good answer of an entry shows: its text and its rows, or a file. */
import type { Content, Row } from "../request.js";
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
  return ({ caller: { fields } }) => {
    const row: Row = {};
    for (const column of columns) row[column] = fields[column] ?? null;
    return { rows: [row], columns, truncated: false };
  };
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

/**
 * Where a step's rows are shown their number is the text, with what stands in `beside` behind it, unless the entry is bare;
 * otherwise what `answer` says.
 */
export function compileAnswer(
  definition: Definition,
  rows: Entry["rows"],
  scope: DefinitionScope,
  faults: Faults,
): Entry["answer"] {
  const { answer, beside, bare = false, content, neverSucceeds = false, steps = [] } = definition;
  const counted = rows !== undefined && !bare && !isCallerRow(definition.rows);
  if (answer === undefined && rows === undefined && content === undefined && !neverSucceeds)
    faults.add([], "the definition lacks 'answer', 'rows' or 'content'");
  if (beside !== undefined && !counted)
    faults.add(["beside"], "there is no number of rows for this text to stand behind");
  const said = answer === undefined ? changesOf(steps) : goodText("answer", answer, scope, faults);
  const more = beside === undefined ? undefined : goodText("beside", beside, scope, faults);
  return (run) => {
    const shown = counted ? rows(run) : undefined;
    if (shown === undefined) return said?.(run) ?? "";
    const text = more?.(run) ?? "";
    return `${shown.rows.length} rows${text === "" ? "" : `; ${text}`}`;
  };
}

function goodText(word: "answer" | "beside", text: string, scope: DefinitionScope, faults: Faults) {
  if (/error/i.test(text))
    faults.add([word], "a good answer can't contain the letters 'error': clients take it for a failure");
  return faults.attempt([word], () => compileText(text, scope));
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
