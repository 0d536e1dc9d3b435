/** The steps of a definition: statements and calls of actions, with their conditions and what they expect. */
import type { Operation } from "../contracts.js";
import type { ErrorClass } from "../errors.js";
import type {
  CallStepDefinition,
  Path,
  RefuseStepDefinition,
  SqlStepDefinition,
  StepCommonDefinition,
  StepDefinition,
} from "./definition.js";
import type { CallStep, RefuseStep, SqlStep, Step, ValueTemplate } from "./entry.js";
import { nearest } from "./nearest.js";
import { type DefinitionScope, SETTING, withSteps } from "./scope.js";
import type { Statements } from "./statements.js";
import { compileText } from "./texts.js";
import { compileCondition, compileValue } from "./values.js";

export interface StepOptions {
  /** What the first step may use. */
  known: DefinitionScope;
  actions: ReadonlyMap<string, Operation>;
  /** The steps run in one transaction. */
  transaction: boolean;
}

/** What texts name beside parameters and steps. */
const RESERVED: ReadonlySet<string> = new Set(["caller", "now", "version", SETTING]);

const EXPECTATIONS = { "one row": "one", rows: "some", "no rows": "none" } as const;

/** Faults are added under `["steps", index]`. `scope` is what comes behind the last step. */
export function compileSteps(definitions: readonly StepDefinition[], options: StepOptions, statements: Statements) {
  let scope = options.known;
  const steps: Step[] = [];
  for (const [index, definition] of definitions.entries()) {
    const path = ["steps", index];
    const step =
      "call" in definition
        ? compileCall(definition, path, scope, options, statements)
        : "refuse" in definition
          ? compileRefuse(definition, path, scope, statements)
          : compileSql(definition, path, scope, statements);
    if (step !== undefined) steps.push(step);
    if (definition.as === undefined) continue;
    checkName(definition, definitions.slice(0, index), path, scope, statements);
    scope = withSteps(scope, new Set(scope.steps).add(definition.as));
  }
  return { steps, scope };
}

/** A name is used once; by several steps only where each has a condition, so that it is the one that ran. */
function checkName(
  definition: StepDefinition,
  earlier: readonly StepDefinition[],
  path: Path,
  scope: DefinitionScope,
  { faults }: Statements,
): void {
  const name = definition.as ?? "";
  const same = [...earlier.filter((other) => other.as === name), definition];
  if (RESERVED.has(name) || scope.params.has(name))
    faults.add([...path, "as"], `'${name}' has a meaning already; choose another name`);
  else if (same.length > 1 && same.some(({ when, unless }) => when === undefined && unless === undefined))
    faults.add(
      [...path, "as"],
      `an earlier step is called '${name}' already; several may be only where each has 'when' or 'unless'`,
    );
}

/** An error that the definition itself answers. */
function compileRefuse(
  { refuse, as: _none, ...conditions }: RefuseStepDefinition,
  path: Path,
  scope: DefinitionScope,
  statements: Statements,
): RefuseStep | undefined {
  const { when, line } = common(conditions, path, scope, statements);
  const otherwise = statements.faults.attempt([...path, "refuse"], () => compileOtherwise(refuse, scope));
  return otherwise === undefined ? undefined : { kind: "refuse", as: undefined, when, line, otherwise };
}

function common(definition: StepCommonDefinition, path: Path, scope: DefinitionScope, { faults }: Statements) {
  const { as, when, unless, otherwise } = definition;
  const place = when === undefined ? "unless" : "when";
  return {
    as,
    when: faults.attempt([...path, place], () => compileCondition(when, unless, scope)),
    otherwise:
      otherwise === undefined
        ? undefined
        : faults.attempt([...path, "otherwise"], () => compileOtherwise(otherwise, scope)),
    line: faults.origin.locate(path).line,
  };
}

function compileOtherwise(text: string, scope: DefinitionScope) {
  const colon = text.indexOf(": ");
  return { errorClass: text.slice(0, colon) as ErrorClass, detail: compileText(text.slice(colon + 2), scope) };
}

function compileSql(
  definition: SqlStepDefinition,
  path: Path,
  scope: DefinitionScope,
  statements: Statements,
): SqlStep | undefined {
  const base = common(definition, path, scope, statements);
  const { most } = definition;
  if (typeof most === "string" && scope.params.get(most)?.kind !== "integer")
    statements.faults.add([...path, "most"], `'${most}' is not an integer parameter`);
  const limit = most === undefined ? "" : ` limit ${typeof most === "number" ? most + 1 : `{${most}}`}`;
  const template = statements.compile([...path, "sql"], definition.sql + limit, scope);
  if (template === undefined) return undefined;
  const foreign = scope.open;
  return {
    kind: "sql",
    ...base,
    template,
    expect: definition.expect === undefined ? undefined : { rows: EXPECTATIONS[definition.expect] },
    most,
    foreign,
    deferred: foreign && template.verb === "change" && !template.waits,
  };
}

function compileCall(
  definition: CallStepDefinition,
  path: Path,
  scope: DefinitionScope,
  { actions, transaction }: StepOptions,
  statements: Statements,
): CallStep | undefined {
  const { faults } = statements;
  const base = common(definition, path, scope, statements);
  const input = compileInput(definition, path, scope, statements);
  const operation = actions.get(definition.call);
  if (operation === undefined) {
    faults.add(
      [...path, "call"],
      `no action is called '${definition.call}'; ${nearest(definition.call, [...actions.keys()])}`,
    );
    return undefined;
  }
  if (transaction && !operation.transactional)
    faults.add(
      [...path, "call"],
      `'${definition.call}' acts outside of the database and can't be part of a transaction`,
    );
  checkInput(definition, operation, path, statements);
  return { kind: "call", ...base, action: definition.call, input };
}

function compileInput(definition: CallStepDefinition, path: Path, scope: DefinitionScope, { faults }: Statements) {
  const input: Record<string, ValueTemplate> = {};
  for (const [name, value] of Object.entries(definition.with ?? {})) {
    const fixed = typeof value === "boolean" ? Number(value) : value;
    const compiled =
      typeof fixed === "string"
        ? faults.attempt([...path, "with", name], () => compileValue(fixed, scope))
        : () => fixed;
    if (compiled !== undefined) input[name] = compiled;
  }
  return input;
}

/** Each input of the operation that is not marked with `?` must be there, and no other. */
function checkInput(definition: CallStepDefinition, operation: Operation, path: Path, { faults }: Statements): void {
  const given = Object.keys(definition.with ?? {});
  const inputs = Object.keys(operation.input).map((name) => name.replace(/\?$/, ""));
  for (const name of given)
    if (!inputs.includes(name))
      faults.add([...path, "with", name], `'${definition.call}' takes no '${name}'; ${nearest(name, inputs)}`, {
        atKey: true,
      });
  for (const name of Object.keys(operation.input))
    if (!name.endsWith("?") && !given.includes(name))
      faults.add(path, `'${definition.call}' lacks '${name}' in 'with'`);
}
