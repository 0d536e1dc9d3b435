/** Calls of the original database's functions, translated by the tables of dialect.ts. */
import type { Dialect } from "../database/database.js";
import { CALLS, CASTS, CLOCKS, DATE_ADD, DATE_DIFF, DATE_PART, formOf, UNITS } from "./dialect.js";
import { Fault } from "./tokens.js";
import { build, type Group, isOperator, isWord, type Leaf, type Node, parts, type Run } from "./tree.js";

/** A list with its calls translated; their arguments must be done already. Errors: {@link Fault}. */
export function translateCalls(items: readonly Node[], dialect: Dialect): Node[] {
  const result: Node[] = [];
  for (let index = 0; index < items.length; index += 1) {
    const node = items[index] as Node;
    const group = items[index + 1];
    const translated =
      node.kind !== "word" || isOperator(items[index - 1], ".")
        ? undefined
        : group?.kind === "group"
          ? translateCall(node, group, dialect)
          : bareClock(node, items[index - 1], dialect);
    result.push(translated ?? node);
    if (translated !== undefined && group?.kind === "group") index += 1;
  }
  return result;
}

/** `current_timestamp` is written without parentheses; as the default of a column it stays as it is. */
const bareClock = (node: Leaf, before: Node | undefined, dialect: Dialect): Run | undefined =>
  node.plain === "current_timestamp" && !isWord(before, "default", "update") ? clock(node, dialect) : undefined;

function translateCall(node: Leaf, group: Group, dialect: Dialect): Run | undefined {
  const args = parts(group.items);
  switch (node.plain) {
    case "cast":
      return cast(node, group.items, dialect);
    case "convert":
      return convert(node, args, dialect);
    case "dateadd":
      return dated(node, args, DATE_ADD, dialect);
    case "datepart":
      return dated(node, args, DATE_PART, dialect);
    case "datediff":
      return args.length === 3 ? dated(node, args, DATE_DIFF, dialect) : undefined;
  }
  if (CLOCKS.has(node.plain)) return clock(node, dialect);
  const forms = Object.hasOwn(CALLS, node.plain) ? CALLS[node.plain] : undefined;
  const form = forms?.[args.length];
  return form === undefined ? undefined : build(formOf(form, dialect), args, node);
}

const clock = (node: Leaf, dialect: Dialect): Run => ({
  ...build(dialect === "sqlite" ? "datetime('now')" : "utc_timestamp()", [], node),
  clock: true,
});

function dated(node: Leaf, args: Node[][], forms: typeof DATE_ADD, dialect: Dialect): Run {
  const [[unit, ...more] = [], ...rest] = args;
  const name = unit?.kind === "word" && more.length === 0 ? UNITS.get(unit.plain) : undefined;
  const form = name === undefined ? undefined : forms[name];
  if (form === undefined)
    throw new Fault(unit?.at ?? node.at, `the unit of ${node.text} is one of ${Object.keys(forms).join(", ")}`);
  return build(formOf(form, dialect), rest, node);
}

function cast(node: Leaf, items: readonly Node[], dialect: Dialect): Run {
  const as = items.findLastIndex((item) => isWord(item, "as"));
  if (as < 0) throw new Fault(node.at, "cast is written cast(value as type)");
  return castTo(node, items.slice(0, as), items.slice(as + 1), dialect);
}

/** `convert(type, value)` of the original, and `convert(value, type)` of MySQL; `convert(value using ...)` stays. */
function convert(node: Leaf, args: Node[][], dialect: Dialect): Run | undefined {
  const [first = [], second] = args;
  if (second === undefined) return undefined;
  if (args.length > 2)
    throw new Fault(node.at, "convert with a style can't be translated: use strftime or date_format of the database");
  return isType(first) ? castTo(node, second, first, dialect) : castTo(node, first, second, dialect);
}

const isType = ([type, size, ...more]: readonly Node[]): boolean =>
  type?.kind === "word" && CASTS.has(type.plain) && (size === undefined || size.kind === "group") && more.length === 0;

function castTo(node: Leaf, value: Node[], type: Node[], dialect: Dialect): Run {
  const [name, size] = type;
  const sizes = size?.kind === "group" && !isWord(size.items[0], "max") ? parts(size.items) : [];
  const forms = name?.kind === "word" && isType(type) ? CASTS.get(name.plain) : undefined;
  const form = forms?.[sizes.length];
  if (form === undefined)
    throw new Fault(name?.at ?? node.at, `${node.text} has one of the types ${[...CASTS.keys()].join(", ")}`);
  return build(formOf(form, dialect), [value, ...sizes], node);
}
