/** Texts of a definition that stand for values, and its conditions, compiled at load. */
import { FaultError } from "../errors.js";
import { type OptionName, SHOWN_OPTIONS } from "../options.js";
import type { Cell } from "../request.js";
import type { ConditionDefinition } from "./definition.js";
import type { RunScope, ValueTemplate } from "./entry.js";
import { nearest } from "./nearest.js";
import { type DefinitionScope, SETTING } from "./scope.js";

export const KEYWORD = /\{([a-z_]\w*)(?:\.([a-z_]\w*))?\}|\[(userid|username|sparam[1-9]\d?)\]/gi;

/**
 * `{name}`, `{step.field}`, `[USERID]`, `[USERNAME]`, `[SPARAM1]`: alone they give the value itself, within a text they
 * are joined to it. Errors: FaultError with the place in `text`.
 */
export function compileValue(text: string, scope: DefinitionScope): ValueTemplate {
  const parts: (string | ValueTemplate)[] = [];
  let end = 0;
  for (const match of text.matchAll(KEYWORD)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push(compileKeyword(match, text, scope));
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push(text.slice(end));
  const [first] = parts;
  if (parts.length === 1 && typeof first === "function") return first;
  if (parts.every((part) => typeof part === "string")) return () => text;
  return (run) => parts.map((part) => (typeof part === "string" ? part : (part(run) ?? ""))).join("");
}

/** One match of {@link KEYWORD} in `text`. Errors: FaultError with the place in `text`. */
export function compileKeyword(match: RegExpExecArray, text: string, scope: DefinitionScope): ValueTemplate {
  const [, name, field, bracketed] = match;
  try {
    if (bracketed !== undefined) return bracketedValue(bracketed.toLowerCase(), scope);
    const lower = (name ?? "").toLowerCase();
    return field === undefined ? namedValue(lower, scope) : stepValue(lower, field, scope);
  } catch (cause) {
    if (!(cause instanceof FaultError)) throw cause;
    const before = text.slice(0, match.index).split("\n");
    throw new FaultError(cause.message, before.length, (before.at(-1) ?? "").length + 1);
  }
}

function bracketedValue(word: string, scope: DefinitionScope): ValueTemplate {
  if (word === "userid") return callerValue("id", scope);
  if (word === "username") return callerValue("username", scope);
  return ({ params, loose }) => params[word] ?? loose.get(word);
}

function callerValue(field: string, { usedFields }: DefinitionScope): ValueTemplate {
  usedFields.add(field);
  return ({ caller }) => caller.fields[field];
}

/** A parameter or a field of the caller; in open scopes what the caller's row lacks is a parameter. Errors: FaultError. */
export function namedValue(name: string, scope: DefinitionScope): ValueTemplate {
  const { params, secretFields, callerFields, open } = scope;
  if (params.has(name)) return (run) => run.params[name];
  if (secretFields.has(name) || (open && name.startsWith("auth")))
    throw new FaultError(`'${name}' is secret and can't be used`);
  const field = callerFields.has(name) ? callerValue(name, scope) : undefined;
  if (field !== undefined && open) return (run) => (run.caller.id === 0 ? run.loose.get(name) : field(run));
  if (field !== undefined) return field;
  if (open) return ({ loose }) => loose.get(name);
  throw new FaultError(
    `'${name}' is neither a parameter nor a field of the caller; ${nearest(name, [...params.keys(), ...callerFields])}`,
  );
}

function stepValue(step: string, field: string, { steps }: DefinitionScope): ValueTemplate {
  if (step === SETTING && !SHOWN_OPTIONS.includes(field as OptionName))
    throw new FaultError(`'${field}' is no option that may be used; ${nearest(field, SHOWN_OPTIONS)}`);
  if (!steps.has(step)) throw new FaultError(`no earlier step is called '${step}'; ${nearest(step, [...steps])}`);
  return (run) => cellOf(run.steps[step]?.[field]);
}

const cellOf = (value: unknown): Cell | undefined =>
  typeof value === "string" || typeof value === "number" || value === null ? value : undefined;

type Condition = (run: RunScope) => boolean;

/** undefined when there is no condition. Errors: FaultError. */
export function compileCondition(
  when: ConditionDefinition | undefined,
  unless: ConditionDefinition | undefined,
  scope: DefinitionScope,
): Condition | undefined {
  const wanted = when === undefined ? undefined : condition(when, scope);
  const unwanted = unless === undefined ? undefined : condition(unless, scope);
  if (unwanted === undefined) return wanted;
  return (run) => (wanted === undefined || wanted(run)) && !unwanted(run);
}

function condition(definition: ConditionDefinition, scope: DefinitionScope): Condition {
  if (typeof definition === "string") {
    checkParam(definition, scope);
    return ({ params }) => params[definition] !== undefined && params[definition] !== null;
  }
  const tests = Object.entries(definition).map(([name, values]): Condition => {
    checkParam(name, scope);
    const words = new Set([values].flat().map((value) => String(typeof value === "boolean" ? Number(value) : value)));
    const list = scope.params.get(name)?.values;
    const stray = list && [...words].find((word) => !list.includes(word));
    if (stray !== undefined) throw new FaultError(`'${name}' is never '${stray}'; ${nearest(stray, list ?? [])}`);
    return ({ params }) => words.has(String(params[name]));
  });
  return (run) => tests.every((test) => test(run));
}

function checkParam(name: string, { params }: DefinitionScope): void {
  if (!params.has(name)) throw new FaultError(`'${name}' is not a parameter; ${nearest(name, [...params.keys()])}`);
}
