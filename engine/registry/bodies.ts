/**
 * Texts of what entries do afterwards: Handlebars, `{name}` as in statements, and `{select ...}`, which is run when the text
 * is needed. Keywords become places of the parsed text, so that no value is ever read as a part of it.
 */
import { randomUUID } from "node:crypto";
import { FaultError } from "../errors.js";
import type { CompiledTemplate } from "../template/template.js";
import type { Path } from "./definition.js";
import type { RunScope, ValueTemplate } from "./entry.js";
import { movedFault, type Position, shifted } from "./faults.js";
import { type DefinitionScope, withSteps } from "./scope.js";
import type { Statements } from "./statements.js";
import { compileProgram, parseText } from "./texts.js";
import { compileKeyword, KEYWORD } from "./values.js";

/** A text in parts: what is known at once, and selects whose results stand there later. */
export type BodyParts = readonly (string | BoundSelect)[];
/** A select with the request that it looks at. */
interface BoundSelect {
  template: CompiledTemplate;
  run: RunScope;
}
export type BodyTemplate = (run: RunScope) => BodyParts;

/** What a part of a body is compiled against, and where it stands. */
export interface BodyPlace {
  path: Path;
  /** Where the part begins in the text at `path`. */
  at: Position;
  scope: DefinitionScope;
  statements: Statements;
}

/** One keyword or select of a text. */
export type BodyKeyword = { value: ValueTemplate } | { select: CompiledTemplate };

/** Errors: FaultError with the place in `text`. */
export function compileBody(text: string, place: BodyPlace): BodyTemplate {
  const program = parseText(text, place.scope.texts);
  const keywords: BodyKeyword[] = [];
  rewrite(program, (content) => pieces(content, keywords, place));
  const names = keywords.map((_, index) => nameOf(index));
  const render = compileProgram(program, withSteps(place.scope, new Set([...place.scope.steps, ...names])));
  return (run) => {
    // Nobody can send the mark, since it is another one each time.
    const mark = keywords.some((keyword) => "select" in keyword) ? randomUUID() : "";
    const steps: Record<string, unknown> = Object.create(run.steps);
    for (const [index, keyword] of keywords.entries())
      steps[nameOf(index)] = "value" in keyword ? (keyword.value(run) ?? "") : `${mark}${index}${mark}`;
    const rendered = render({ ...run, steps: steps as RunScope["steps"] });
    return mark === "" ? [rendered] : withSelects(rendered, mark, keywords, run);
  };
}

/** No name of a parameter or a step begins so. */
const nameOf = (index: number): string => `_${index}`;

function withSelects(rendered: string, mark: string, keywords: readonly BodyKeyword[], run: RunScope): BodyParts {
  return rendered.split(mark).map((part, index) => {
    const keyword = index % 2 === 1 ? keywords[Number(part)] : undefined;
    return keyword !== undefined && "select" in keyword ? { template: keyword.select, run } : part;
  });
}

function rewrite(program: hbs.AST.Program, split: (content: hbs.AST.ContentStatement) => hbs.AST.Statement[]): void {
  program.body = program.body.flatMap((node) => {
    if (node.type === "ContentStatement") return split(node as hbs.AST.ContentStatement);
    const { program: inner, inverse } = node as Partial<hbs.AST.BlockStatement>;
    for (const part of [inner, inverse]) if (part) rewrite(part, split);
    return [node];
  });
}

/** A text without keywords in it, and each keyword as if `{{@root._0}}` stood there, which blocks don't hide. */
function pieces(content: hbs.AST.ContentStatement, all: BodyKeyword[], place: BodyPlace): hbs.AST.Statement[] {
  const { value, loc } = content;
  // Handlebars takes line ends around blocks away from the value.
  const original = String(content.original);
  const cut = positionOf(original, Math.max(0, original.indexOf(value)));
  const start = shifted(cut, { line: loc.start.line, column: loc.start.column + 1 });
  const nodes: hbs.AST.Statement[] = [];
  let done = 0;
  for (const { at, length, keyword } of keywordsAt(value, start, place)) {
    nodes.push(contentOf(content, value.slice(done, at)), mustacheOf(content, nameOf(all.length)));
    all.push(keyword);
    done = at + length;
  }
  return [...nodes, contentOf(content, value.slice(done))];
}

function keywordsAt(value: string, start: Position, place: BodyPlace) {
  try {
    return findKeywords(value, { ...place, at: shifted(start, place.at) });
  } catch (cause) {
    throw cause instanceof FaultError ? movedFault(cause, start) : cause;
  }
}

const contentOf = (content: hbs.AST.ContentStatement, value: string): hbs.AST.ContentStatement => ({
  ...content,
  value,
});

const mustacheOf = ({ loc }: hbs.AST.Node, name: string): hbs.AST.MustacheStatement =>
  ({
    type: "MustacheStatement",
    path: { type: "PathExpression", data: true, depth: 0, parts: ["root", name], original: `@root.${name}`, loc },
    params: [],
    hash: undefined as unknown as hbs.AST.Hash,
    escaped: false,
    strip: { open: false, close: false },
    loc,
  }) as hbs.AST.MustacheStatement;

/** `{select ...}` up to the brace that closes it; braces inside are keywords of the statement, and texts in quotes. */
const SELECT = /\{\s*(select\b(?:[^{}']|'[^']*'|\{[^{}]*\})*)\}/gi;

/** Keywords and selects of a text in their order, with their places. */
export function findKeywords(text: string, place: BodyPlace): { at: number; length: number; keyword: BodyKeyword }[] {
  const found: { at: number; length: number; keyword: BodyKeyword }[] = [];
  for (const match of text.matchAll(SELECT)) {
    const [whole, statement = ""] = match;
    const at = shifted(positionOf(text, match.index + whole.indexOf(statement)), place.at);
    const scope = { ...place.scope, plainUserId: true };
    const template = place.statements.compile(place.path, statement, scope, at);
    if (template !== undefined) found.push({ at: match.index, length: whole.length, keyword: { select: template } });
  }
  refuseOpenSelect(text);
  const within = (index: number) => found.some(({ at, length }) => index >= at && index < at + length);
  const names = [...text.matchAll(KEYWORD)].filter(({ index }) => !within(index));
  for (const match of names) {
    refuseSecret(match, text, place.scope);
    const value = compileKeyword(match, text, place.scope);
    found.push({ at: match.index, length: match[0].length, keyword: { value } });
  }
  return found.sort((one, other) => one.at - other.at);
}

function refuseOpenSelect(text: string): void {
  const whole = [...text.matchAll(SELECT)].map(({ index }) => index);
  const open = [...text.matchAll(/\{\s*select\b/gi)].find(({ index }) => !whole.includes(index));
  if (open === undefined) return;
  const { line, column } = positionOf(text, open.index);
  throw new FaultError("this {select ...} has no closing brace, or a text in it has no closing quote", line, column);
}

function refuseSecret({ index, 1: name = "" }: RegExpExecArray, text: string, { params }: DefinitionScope): void {
  if (params.get(name.toLowerCase())?.kind !== "secret") return;
  const { line, column } = positionOf(text, index);
  throw new FaultError(`'${name}' is secret and can't be used`, line, column);
}

export function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
