/** From the parameters of a definition to the function that reads those of a request. */
import type { Cell } from "../request.js";
import type { ScopeParam } from "../template/template.js";
import type { ParamDefinition } from "./definition.js";
import type { Entry, ParamSpec } from "./entry.js";
import type { Faults } from "./faults.js";
import { compileSchema, mostNames, PARAM_TYPES } from "./param-types.js";
import { type ParamReader, paramsValidator, type ReadOptions } from "./read-params.js";

export interface CompiledParams {
  specs: readonly ParamSpec[];
  /** What a SQL template has to know of them. */
  scope: ReadonlyMap<string, ScopeParam>;
  validate: Entry["validate"];
}

type ParamDefinitions = Readonly<Record<string, ParamDefinition>>;

/** Names for the same thing in all entries: one that is declared may be sent under the other names, too. */
const ALIAS_GROUPS: readonly (readonly string[])[] = [
  ["anum", "phone1", "from"],
  ["bnum", "phone2", "to"],
  ["txt", "message"],
];

/** What every request may carry, beside all names that begin with `auth`. */
const RESERVED: ReadonlySet<string> = new Set(["apientry", "callback", "now", "requestid", "targetuser", "nonce"]);
const ANSWER_FORMATS = /^(txt|text|cleartext|html|xml|soap|json|jsonp)$/i;
const CONSTRAINTS: ReadonlySet<string> = new Set(Object.values(PARAM_TYPES).flatMap(({ constraints }) => constraints));

const IDEMPOTENCY_KEY: ParamDefinition = {
  minLength: 1,
  maxLength: 100,
  summary: "A request repeated with the same key is carried out once and gets the same answer.",
};

export interface ParamOptions extends ReadOptions {
  /** Adds `idempotencykey`. */
  idempotent: boolean;
}

/** Faults are added under `["params", name]`. */
export function compileParams(definitions: ParamDefinitions, options: ParamOptions, faults: Faults): CompiledParams {
  const aliases = aliasesOf(definitions, faults);
  const readers = Object.entries(definitions).map(([name, definition], index) => {
    checkDefinition(name, definition, faults);
    return readerOf(name, definition, aliases.get(name) ?? [], index, faults);
  });
  for (const [index, group] of options.needs.entries())
    for (const name of group)
      if (!Object.hasOwn(definitions, name)) faults.add(["needs", index], `'${name}' is not a parameter`);
  if (options.idempotent) readers.push(readerOf("idempotencykey", IDEMPOTENCY_KEY, [], -1, faults));
  return {
    specs: readers.map(({ spec }) => spec),
    scope: new Map(readers.map(({ spec }) => [spec.name, scopeParam(spec)])),
    validate: paramsValidator(readers, options),
  };
}

/** What a SQL template has to know of a parameter. */
export const scopeParam = ({ type, values, most }: ParamSpec): ScopeParam => ({
  kind: PARAM_TYPES[type].kind,
  ...(most === undefined ? {} : { most }),
  ...(values === undefined ? {} : { values }),
});

/** The other names of each parameter. No name may stand for two of them. */
function aliasesOf(definitions: ParamDefinitions, faults: Faults): Map<string, readonly string[]> {
  const owners = new Map(Object.keys(definitions).map((name) => [name, name]));
  for (const [name, { aliases = [] }] of Object.entries(definitions))
    for (const [index, alias] of aliases.entries()) {
      const path = ["params", name, "aliases", index];
      if (owners.has(alias)) faults.add(path, `'${alias}' stands for '${owners.get(alias)}' already`);
      if (isReserved(alias)) faults.add(path, reservedMessage(alias));
      owners.set(alias, name);
    }
  return new Map(
    Object.entries(definitions).map(([name, { aliases = [] }]) => {
      const group = ALIAS_GROUPS.find((names) => names.includes(name)) ?? [];
      const free = group.filter((other) => !owners.has(other));
      for (const other of free) owners.set(other, name);
      return [name, [...aliases, ...free]];
    }),
  );
}

const isReserved = (name: string) => name.startsWith("auth") || RESERVED.has(name);
const reservedMessage = (name: string) => `'${name}' is read from every request; choose another name`;

function checkDefinition(name: string, definition: ParamDefinition, faults: Faults): void {
  const path = ["params", name];
  const { type = "text", values, unknown, required, default: preset } = definition;
  if (isReserved(name)) faults.add(path, reservedMessage(name), { atKey: true });
  if (name === "format" && !isOwnFormat(definition))
    faults.add(path, "'format' chooses the answer's format; here it needs other 'values' and 'unknown: ignore'", {
      atKey: true,
    });
  if (values !== undefined && type !== "text")
    faults.add([...path, "values"], `a fixed list is of texts, not of type ${type}`);
  if (unknown !== undefined && values === undefined)
    faults.add([...path, "unknown"], "'unknown' needs a fixed list: 'values'");
  if (required === true && preset !== undefined)
    faults.add([...path, "default"], "a required parameter has no use for a default");
  const allowed: readonly string[] = values === undefined ? PARAM_TYPES[type].constraints : [];
  const subject = values === undefined ? `type ${type}` : "a fixed list";
  for (const constraint of Object.keys(definition))
    if (CONSTRAINTS.has(constraint) && !allowed.includes(constraint))
      faults.add([...path, constraint], `'${constraint}' means nothing for ${subject}`, { atKey: true });
}

const isOwnFormat = ({ values, unknown }: ParamDefinition) =>
  unknown === "ignore" && values !== undefined && !values.some((value) => ANSWER_FORMATS.test(String(value)));

function readerOf(
  name: string,
  definition: ParamDefinition,
  aliases: readonly string[],
  position: number,
  faults: Faults,
): ParamReader {
  const { type = "text", required = false, summary = "", empty = "absent" } = definition;
  const list = definition.values?.map(String);
  const rule = PARAM_TYPES[type];
  const most = mostNames(definition);
  const spec: ParamSpec = {
    name,
    type,
    summary,
    required,
    aliases,
    position,
    empty,
    allowed: list === undefined ? rule.allowed(definition) : `one of ${list.join(", ")}`,
    ...(list === undefined ? {} : { values: list }),
    ...(most === undefined ? {} : { most }),
    ...(definition.default === undefined ? {} : { default: String(definition.default) }),
  };
  const typed = list === undefined ? rule.read : listReader(list, definition.unknown === "ignore");
  const read = withoutPlaceholders(typed, definition.placeholders);
  const schema = list === undefined ? schemaOf(name, definition, faults) : { enum: list };
  const preset = presetOf(spec, read, schema, faults);
  return { spec, names: [name, ...aliases], read, schema, preset, sealed: type === "newpassword" };
}

/** A client's template in which nothing was filled in. */
function withoutPlaceholders(read: ParamReader["read"], words: readonly string[] = []): ParamReader["read"] {
  return words.length === 0 ? read : (text) => (words.includes(text) ? undefined : read(text));
}

/** A fixed list is matched without regard to case. */
function listReader(list: readonly string[], ignore: boolean): (text: string) => Cell | undefined {
  const words = new Map(list.map((value) => [value.toLowerCase(), value]));
  return (text) => words.get(text.toLowerCase()) ?? (ignore ? undefined : text);
}

function schemaOf(name: string, definition: ParamDefinition, faults: Faults): object {
  const schema = PARAM_TYPES[definition.type ?? "text"].schema(definition);
  try {
    if (definition.pattern !== undefined) new RegExp(definition.pattern, "u");
    return schema;
  } catch {
    faults.add(["params", name, "pattern"], "this is not a regular expression");
    return {};
  }
}

function presetOf(spec: ParamSpec, read: ParamReader["read"], schema: object, faults: Faults): Cell | undefined {
  if (spec.default === undefined) return undefined;
  const value = read(spec.default);
  if (value === undefined || !compileSchema(schema)(value))
    faults.add(["params", spec.name, "default"], `'${spec.name}' must be ${spec.allowed}, its default too`);
  return value;
}
