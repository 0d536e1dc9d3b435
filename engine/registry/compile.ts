/** From a definition to the frozen entry that requests find. */
import type { Delivery, Operation } from "../contracts.js";
import type { Dialect } from "../database/database.js";
import { accessRule } from "./access.js";
import { compileAnswer, compileContent, compileRows, isCallerRow } from "./answers.js";
import type { Definition, ExampleDefinition } from "./definition.js";
import type { Entry, Step } from "./entry.js";
import type { Faults } from "./faults.js";
import { compileHooks } from "./hooks.js";
import { type CompiledParams, compileParams } from "./params.js";
import { openParams } from "./read-params.js";
import { type DefinitionScope, SECRET_FIELDS, SETTING } from "./scope.js";
import { type PlacedTemplate, Statements } from "./statements.js";
import { compileSteps } from "./steps.js";
import { compileText, type TextEnvironment } from "./texts.js";

/** What all definitions of one load are compiled against. */
export interface CompileContext {
  readonly dialect: Dialect;
  /** Columns of tb_users that a definition may use, in lower case. */
  readonly callerFields: ReadonlySet<string>;
  /** Operations of actions by name, such as `ledger.transfer`. */
  readonly actions: ReadonlyMap<string, Operation>;
  /** Deliveries of actions by name, such as `email.deliver`. */
  readonly deliveries: ReadonlyMap<string, Delivery>;
  readonly texts: TextEnvironment;
  /** Seals a new password. */
  seal(clear: string): string;
}

export type Identity = Pick<Entry, "name" | "subject" | "audience" | "origin" | "source">;

/** An entry, or what is wrong with it. */
export interface Compiled {
  /** undefined when there are faults. */
  entry: Entry | undefined;
  /** Each statement that it can send. */
  templates: readonly PlacedTemplate[];
  faults: Faults;
}

/** A definition of tb_api is open: it may use any parameter, and its statements run apart. */
export function compileDefinition(
  definition: Definition,
  identity: Identity,
  context: CompileContext,
  faults: Faults,
): Compiled {
  const open = identity.origin === "tb_api";
  const { idempotent = false, transaction = false } = definition;
  if (idempotent && !transaction)
    faults.add(["idempotent"], "'idempotent' needs 'transaction: true', so that the key is kept with the change");
  const params = open
    ? OPEN_PARAMS
    : compileParams(definition.params ?? {}, { needs: definition.needs ?? [], idempotent, seal: context.seal }, faults);
  const statements = new Statements(context.dialect, faults);
  const options = { known: scopeOf(params.scope, open, context, AT_FIRST), actions: context.actions, transaction };
  const { steps, scope } = compileSteps(definition.steps ?? [], options, statements);
  const rows = compileRows(definition.rows, scope, faults);
  const content = compileContent(definition, scope, faults);
  const answer = compileAnswer(definition, rows, scope, faults);
  const hooks = compileHooks(definition.hooks, { scope, statements, deliveries: context.deliveries });
  const audit = faults.attempt(["audit"], () => (definition.audit ? compileText(definition.audit, scope) : undefined));
  const done = { params, steps, rows, answer, content, audit, hooks, callerFields: callerFieldsOf(steps, scope) };
  const entry = faults.list.length === 0 ? freezeDeep(entryOf(definition, identity, done)) : undefined;
  return { entry, templates: statements.placed, faults };
}

/** Of entries that take any parameter. */
const OPEN_PARAMS: CompiledParams = { specs: [], scope: new Map(), validate: openParams };

interface Parts extends Pick<Entry, "steps" | "rows" | "answer" | "content" | "audit" | "hooks" | "callerFields"> {
  params: CompiledParams;
}

/** Field by field: spreads would take longer than all the rest of the compiling. */
const entryOf = (definition: Definition, identity: Identity, parts: Parts): Entry => ({
  name: identity.name,
  summary: definition.summary,
  aliases: definition.aliases ?? [],
  subject: identity.subject,
  audience: identity.audience,
  origin: identity.origin,
  source: identity.source,
  access: accessRule(definition.access),
  account: definition.account ?? false,
  callerFields: parts.callerFields,
  params: parts.params.specs,
  needs: definition.needs ?? [],
  validate: parts.params.validate,
  open: identity.origin === "tb_api",
  transaction: definition.transaction ?? false,
  idempotent: definition.idempotent ?? false,
  steps: parts.steps,
  answer: parts.answer,
  rows: parts.rows,
  content: parts.content,
  audit: parts.audit,
  bare: definition.bare ?? false,
  prose: definition.bare === true || isCallerRow(definition.rows),
  hooks: parts.hooks,
  examples: definition.examples.map(exampleOf),
  closed: undefined,
});

const exampleOf = ({ request, before, ...example }: ExampleDefinition) => ({
  ...example,
  ...(before === undefined ? {} : { before: before.map(asSent) }),
  request: asSent(request),
});

const asSent = (request: ExampleDefinition["request"]): Record<string, string> =>
  Object.fromEntries(Object.entries(request).map(([name, value]) => [name, String(value)]));

/** What texts find before the first step. */
const AT_FIRST: ReadonlySet<string> = new Set([SETTING]);

/** What the texts of a definition may name where these steps have been. */
export const scopeOf = (
  params: DefinitionScope["params"],
  open: boolean,
  { texts, callerFields }: CompileContext,
  steps: DefinitionScope["steps"],
): DefinitionScope => ({
  params,
  open,
  callerFields,
  secretFields: SECRET_FIELDS,
  plainUserId: false,
  steps,
  texts,
  usedFields: new Set<string>(),
});

/** The caller's fields that the entry looks at; undefined where an action may look at any. */
export function callerFieldsOf(steps: readonly Step[], { usedFields }: DefinitionScope) {
  return steps.some(({ kind }) => kind === "call") ? undefined : [...usedFields];
}

/** Functions stay as they are; everything else of an entry is plain data. */
export function freezeDeep<T extends object>(value: T): T {
  for (const name in value) {
    const part = value[name];
    if (typeof part === "object" && part !== null && !Object.isFrozen(part)) freezeDeep(part);
  }
  return Object.freeze(value);
}
