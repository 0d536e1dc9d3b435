/** Answers and details of errors: Handlebars, compiled and run once at load so that no request pays for it. */
import Handlebars from "handlebars";
import { FaultError } from "../errors.js";
import type { Cell } from "../request.js";
import { VERSION } from "../status.js";
import type { RunScope } from "./entry.js";
import { compilePlainText, nowText } from "./plain-text.js";
import type { DefinitionScope } from "./scope.js";
import { TextUses } from "./text-uses.js";
import { namedValue } from "./values.js";

const HELPERS: ReadonlySet<string> = new Set(["if", "unless", "each", "with", "lookup"]);

/** What texts are compiled with: it has no helpers but those that the answers need. */
export type TextEnvironment = typeof Handlebars;

/** `signs`: those of the currencies, by their codes; looked at whenever a text is rendered. */
export function makeTextEnvironment(signs: ReadonlyMap<string, string>): TextEnvironment {
  const environment = Handlebars.create();
  for (const helper of Object.keys(environment.helpers)) if (!HELPERS.has(helper)) environment.unregisterHelper(helper);
  environment.registerHelper("money", (amount: Cell | undefined, currency: Cell | undefined) =>
    money(amount, currency, signs),
  );
  return environment;
}

/** `$9.8`, or `HUF 9.8` where the currency has no sign. */
function money(amount: Cell | undefined, currency: Cell | undefined, signs: ReadonlyMap<string, string>): string {
  const text = String(amount ?? "");
  const code = String(currency ?? "");
  const sign = signs.get(code) ?? (code === "" ? "" : `${code} `);
  return text.startsWith("-") ? `-${sign}${text.slice(1)}` : `${sign}${text}`;
}

/**
 * Renders `text` over the declared parameters, the named steps, `caller.field`, `setting.option`, `now` (UTC) and
 * `version`; what has no value is empty. Errors: FaultError with the place in `text`.
 */
export function compileText(text: string, scope: DefinitionScope): (run: RunScope) => string {
  return text.includes("{{") ? compileProgram(parseText(text, scope.texts), scope) : () => text;
}

/** The same of a parsed text. */
export function compileProgram(program: hbs.AST.Program, scope: DefinitionScope): (run: RunScope) => string {
  const uses = new TextUses(scope);
  uses.accept(program);
  for (const field of uses.callerFields) scope.usedFields.add(field);
  const plain = compilePlainText(program, scope);
  if (plain !== undefined) return plain;
  const context = contextOf(uses, scope);
  // Without `data` a text renders in two thirds of the time.
  const options = { noEscape: true, knownHelpersOnly: true, knownHelpers: KNOWN_HELPERS, data: uses.data };
  const render = scope.texts.compile(program, options);
  warm(() => render({}));
  return (run) => render(context(run));
}

const KNOWN_HELPERS = { money: true } as unknown as NonNullable<CompileOptions["knownHelpers"]>;

/** What a text looks at, and nothing else. */
function contextOf(uses: TextUses, scope: DefinitionScope): (run: RunScope) => Record<string, unknown> {
  const names = [...uses.names];
  const loose = [...uses.loose].map((name) => [name, namedValue(name, scope)] as const);
  const callerFields = [...uses.callerFields];
  const { params } = scope;
  const [now, version] = [uses.fixed.has("now"), uses.fixed.has("version")];
  return (run) => {
    const values: Record<string, unknown> = {};
    for (const name of names) values[name] = params.has(name) ? run.params[name] : run.steps[name];
    for (const [name, value] of loose) values[name] = value(run);
    if (callerFields.length > 0) values["caller"] = fieldsOf(run, callerFields);
    if (now) values["now"] = nowText();
    if (version) values["version"] = VERSION;
    return values;
  };
}

function fieldsOf({ caller }: RunScope, names: readonly string[]): Record<string, Cell | undefined> {
  const fields: Record<string, Cell | undefined> = {};
  for (const name of names) fields[name] = caller.fields[name];
  return fields;
}

/** Errors: FaultError. Handlebars tells the place of a fault in the words of its message only. */
export function parseText(text: string, environment: TextEnvironment): hbs.AST.Program {
  try {
    return environment.parse(text);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "";
    const [, line = "1", column = "1"] = /line (\d+)/.exec(message) ?? / - (\d+):(\d+)$/.exec(message) ?? [];
    throw new FaultError("the {{ }} of this text don't fit together", Number(line), Number(column));
  }
}

/** Handlebars compiles at the first run. */
function warm(run: () => string): void {
  try {
    run();
  } catch {
    throw new FaultError("this text uses something that texts don't have");
  }
}
