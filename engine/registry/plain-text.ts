/** Texts of names, functions and `if`, as most are: joined directly, which takes a tenth of the time that Handlebars needs. */
import { toDatetime } from "../datetime.js";
import { VERSION } from "../status.js";
import type { RunScope } from "./entry.js";
import type { DefinitionScope } from "./scope.js";

type Reader = (run: RunScope) => unknown;

let [second, shown] = [0, ""];

/** UTC to the second, as texts show it. */
export function nowText(): string {
  const now = Math.floor(Date.now() / 1_000);
  if (now !== second) [second, shown] = [now, toDatetime(now * 1_000)];
  return shown;
}

type Writer = (run: RunScope) => string;

/** undefined for a text with `each`, `with` or `lookup`, which is left to Handlebars. */
export function compilePlainText(program: hbs.AST.Program, scope: DefinitionScope): Writer | undefined {
  const parts: (string | Reader)[] = [];
  for (const node of program.body) {
    const part = partOf(node, scope);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return (run) => {
    let text = "";
    for (const part of parts) text += typeof part === "string" ? part : (part(run) ?? "");
    return text;
  };
}

function partOf(node: hbs.AST.Statement, scope: DefinitionScope): string | Reader | undefined {
  switch (node.type) {
    case "ContentStatement":
      return (node as hbs.AST.ContentStatement).value;
    case "MustacheStatement":
      return readerOf(node as hbs.AST.MustacheStatement, scope);
    case "BlockStatement":
      return choiceOf(node as hbs.AST.BlockStatement, scope);
    default:
      return undefined;
  }
}

/** `if` and `unless` over a name. */
function choiceOf({ path, params, program, inverse, hash }: hbs.AST.BlockStatement, scope: DefinitionScope) {
  const helper = String(path.original);
  const [condition] = params;
  if ((helper !== "if" && helper !== "unless") || condition === undefined || hash !== undefined) return undefined;
  const value = namedValue(condition, scope);
  const then = compilePlainText(program, scope);
  const otherwise = inverse === undefined || inverse === null ? NOTHING : compilePlainText(inverse, scope);
  if (value === undefined || then === undefined || otherwise === undefined) return undefined;
  const [yes, no] = helper === "if" ? [then, otherwise] : [otherwise, then];
  return (run: RunScope) => (isTrue(value(run)) ? yes(run) : no(run));
}
const NOTHING: Writer = () => "";

/** As Handlebars decides. */
const isTrue = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : Boolean(value));

/** A name, or a function of names. */
function readerOf({ path, params, hash }: hbs.AST.MustacheStatement, scope: DefinitionScope): Reader | undefined {
  if (hash !== undefined || path.type !== "PathExpression") return undefined;
  if (params.length === 0) return namedValue(path, scope);
  const name = String((path as hbs.AST.PathExpression).original);
  const helper = FOR_HANDLEBARS.has(name) ? undefined : scope.texts.helpers[name];
  const values = params.map((param) => namedValue(param, scope)).filter((value) => value !== undefined);
  if (helper === undefined || values.length < params.length) return undefined;
  return (run) => helper(...values.map((value) => value(run)));
}
/** Its functions that want more than values. */
const FOR_HANDLEBARS: ReadonlySet<string> = new Set(["if", "unless", "each", "with", "lookup"]);

function namedValue(node: hbs.AST.Expression, { params, steps }: DefinitionScope): Reader | undefined {
  if (node.type !== "PathExpression") return undefined;
  const { parts, data, depth } = node as hbs.AST.PathExpression;
  const [name = "", field, ...deeper] = parts as string[];
  if (data || depth > 0 || deeper.length > 0) return undefined;
  if (field === undefined) {
    if (params.has(name)) return (run) => run.params[name];
    if (name === "now") return nowText;
    return name === "version" ? () => VERSION : undefined;
  }
  if (name === "caller") return ({ caller }) => caller.fields[field];
  return steps.has(name) ? (run) => run.steps[name]?.[field] : undefined;
}
