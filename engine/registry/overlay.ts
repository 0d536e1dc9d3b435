/** Rows of tb_api as entries: of their own, or over the built-in entry of their name. */
import { accessRule } from "./access.js";
import {
  type CompileContext,
  type Compiled,
  callerFieldsOf,
  compileDefinition,
  freezeDeep,
  scopeOf,
} from "./compile.js";
import type { Definition, Path } from "./definition.js";
import type { AccessRule, Entry } from "./entry.js";
import { Faults, type Locate } from "./faults.js";
import { type ApiRow, definitionOfRow, isDisabled, nameOfRow, REPAIR_ENTRY } from "./from-rows.js";
import { compileHooks } from "./hooks.js";
import { scopeParam } from "./params.js";
import { openParams } from "./read-params.js";
import { Statements } from "./statements.js";

const SOURCE = "tb_api";

const locate: Locate = (_path, { inner } = {}) => inner ?? { line: 1, column: 1 };
const label = ([part]: Path): string =>
  part === "steps" ? "customsql: " : part === "hooks" ? "custom_action_body: " : "";

/** `base` is the built-in entry of the row's name. A row that is switched off is not looked at any further. */
export function compileRow(row: ApiRow, base: Entry | undefined, context: CompileContext): Compiled {
  const name = nameOfRow(row);
  const faults = new Faults({ entry: name, source: SOURCE, locate, label });
  if (isDisabled(row)) return { entry: closedEntry(name, "disabled", base), templates: [], faults };
  const definition = definitionOfRow(row, base, faults);
  if (base !== undefined && definition.steps === undefined) return withAccess(name, definition, base, context, faults);
  const audience = typeof definition.access === "string" ? definition.access : definition.access.preset;
  const identity = { name, subject: base?.subject ?? "custom", audience, origin: SOURCE, source: SOURCE } as const;
  return compileDefinition(definition, identity, context, faults);
}

/** The built-in entry with other access, and with the row's hooks behind its own. */
function withAccess(
  name: string,
  definition: Definition,
  base: Entry,
  context: CompileContext,
  faults: Faults,
): Compiled {
  const statements = new Statements(context.dialect, faults);
  const params = new Map(base.params.map((spec) => [spec.name, scopeParam(spec)]));
  const scope = scopeOf(params, true, context, new Set());
  const added = compileHooks(definition.hooks, { scope, statements, deliveries: context.deliveries });
  const callerFields = callerFieldsOf([], scope);
  const entry: Entry = {
    ...base,
    name,
    aliases: name === base.name ? base.aliases : [],
    summary: definition.summary,
    access: accessRule(definition.access),
    callerFields: base.callerFields && callerFields && [...new Set([...base.callerFields, ...callerFields])],
    open: base.open || added.length > 0,
    hooks: [...base.hooks, ...added],
  };
  return { entry: faults.list.length === 0 ? freezeDeep(entry) : undefined, templates: statements.placed, faults };
}

/** Nobody gets in; who is asked says why. */
const SHUT: AccessRule = { ...accessRule("sensitive"), user: 2 };

/** An entry that can't be used. Nothing of the built-in one's access is kept. */
const closedEntry = (name: string, closed: "faulty" | "disabled", base?: Entry): Entry =>
  freezeDeep({
    name,
    summary: base?.summary ?? "",
    aliases: [],
    subject: base?.subject ?? "custom",
    audience: base?.audience ?? "admin",
    origin: SOURCE,
    source: SOURCE,
    access: SHUT,
    account: false,
    prose: false,
    callerFields: [],
    params: [],
    needs: [],
    validate: openParams,
    open: false,
    transaction: false,
    idempotent: false,
    steps: [],
    answer: () => "",
    rows: undefined,
    content: undefined,
    bare: false,
    hooks: [],
    examples: [],
    closed,
  });

/** What a faulty row leaves of its entry: nothing; of the one that repairs, what server administrators need for that. */
export function faultyEntry(name: string, base: Entry | undefined): Entry {
  if (name !== REPAIR_ENTRY || base === undefined) return closedEntry(name, "faulty", base);
  return freezeDeep({ ...base, access: { ...accessRule("sensitive"), user: 4 } });
}
