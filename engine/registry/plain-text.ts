/** Texts that hold names alone, as most do: joined directly, which takes a tenth of the time that Handlebars needs. */
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

/** undefined for a text with blocks or functions, which is left to Handlebars. */
export function compilePlainText(
  program: hbs.AST.Program,
  scope: DefinitionScope,
): ((run: RunScope) => string) | undefined {
  const parts: (string | Reader)[] = [];
  for (const node of program.body) {
    const part = node.type === "ContentStatement" ? (node as hbs.AST.ContentStatement).value : readerOf(node, scope);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return (run) => {
    let text = "";
    for (const part of parts) text += typeof part === "string" ? part : (part(run) ?? "");
    return text;
  };
}

function readerOf(node: hbs.AST.Statement, { params, steps }: DefinitionScope): Reader | undefined {
  const { path, params: given, hash } = node as hbs.AST.MustacheStatement;
  if (node.type !== "MustacheStatement" || given.length > 0 || hash !== undefined || path.type !== "PathExpression")
    return undefined;
  const { parts, data, depth } = path as hbs.AST.PathExpression;
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
