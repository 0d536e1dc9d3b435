/** Keywords to what they stand for: a bound value, a text with values in it, or a name of a fixed list. */
import { nearest } from "../registry/nearest.js";
import { type Place, placesOf, type Within } from "./places.js";
import type { Binding, ScopeParam, Source, TemplateScope } from "./template.js";
import { Fault } from "./tokens.js";
import { type Group, isOperator, type Leaf, type Node } from "./tree.js";

const BRACKETED = /^(?:userid|username|sparam[1-9]\d?)$/i;
const NAME = String.raw`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)`;
const IN_TEXT = new RegExp(String.raw`\[(\w+)\]|\{[ \t]*${NAME}[ \t]*\}|<${NAME}>`, "g");
const IDENTIFIER = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?$/;

interface Meaning {
  source: Source;
  kind: Exclude<ScopeParam["kind"], "secret">;
  values?: readonly string[] | undefined;
  most?: number | undefined;
}

/**
 * The tree with its keywords resolved. In a statement that `defines` tables no value can be bound.
 * Errors: {@link Fault} for a name that is unknown or secret, or that stands where no value can.
 */
export function resolveKeywords(items: readonly Node[], scope: TemplateScope, defines: boolean): Node[] {
  const resolve = (list: readonly Node[], within: Within): Node[] => {
    const places = placesOf(list, within);
    return list.map((node, index) => {
      const place = places[index] as Place;
      if (node.kind === "group") return { ...node, items: resolve(node.items, place.inner) };
      const refused = defines ? "in a statement that defines tables" : place.refused;
      if (node.kind === "string") return resolveText(node, scope, place.count ? "as a count of rows" : refused);
      if (scope.plainUserId && node.kind === "word" && node.text === "USERID" && !isOperator(list[index - 1], "."))
        return resolveKeyword({ ...node, kind: "name" }, scope, { ...place, refused });
      if (node.kind === "keyword") return resolveKeyword(node, scope, { ...place, refused });
      if (node.kind !== "name") return node;
      return BRACKETED.test(bracketed(node)) ? resolveKeyword(node, scope, { ...place, refused }) : quoted(node, scope);
    });
  };
  return resolve(items, "values");
}

/** For statements without a scope. Errors: {@link Fault} for a keyword. */
export function refuseKeywords(items: readonly Node[]): void {
  for (const node of items) {
    if (node.kind === "group") refuseKeywords(node.items);
    if (node.kind === "keyword")
      throw new Fault(node.at, `${node.text} has no value here: keywords belong into entries`);
  }
}

const bracketed = (node: Leaf): string => (node.text.startsWith("[") ? node.plain : "");

function resolveKeyword(node: Leaf, scope: TemplateScope, { refused, count, afterIn }: Place): Node {
  const { at, spaced, text } = node;
  const meaning = node.kind === "name" ? bracketedMeaning(node.plain, scope) : namedMeaning(node.plain, scope);
  if (meaning === undefined) throw new Fault(at, `${text} is unknown: ${nearest(node.plain, knownNames(scope))}`);
  if (meaning === "secret") throw secret(at, text);
  const { source, kind, values, most = 0 } = meaning;
  if (kind === "list") {
    if (afterIn) return listItems(source, most, node);
    throw new Fault(at, `${text} is a list: it stands directly behind in`);
  }
  if (refused === undefined) {
    const binding: Binding = {
      parts: [source],
      kind: count ? "integer" : kind,
      literal: false,
      ...(count && { count }),
    };
    return { kind: "value", binding, at, spaced };
  }
  if (source.from !== "param" || values === undefined || values.length === 0) throw misplaced(at, text, refused);
  const odd = values.find((value) => !IDENTIFIER.test(value));
  if (odd !== undefined) throw new Fault(at, `${text} can't stand ${refused}: its value '${odd}' is no name`);
  return { kind: "choice", param: source.name, values, at, spaced };
}

/** A place for each text that a list may have; what is NULL is equal to nothing. */
function listItems(source: Source, most: number, { at }: Leaf): Group {
  const items = Array.from({ length: most }, (_, item): Node[] => [
    ...(item === 0 ? [] : [{ kind: "operator", text: ",", plain: ",", at, spaced: false } as const]),
    { kind: "value", binding: { parts: [source], kind: "text", literal: false, item }, at, spaced: item > 0 },
  ]);
  return { kind: "group", items: items.flat(), at, spaced: true };
}

/** A text with keywords becomes one value, with the text around them. */
function resolveText(node: Leaf, scope: TemplateScope, refused: string | undefined): Node {
  const parts = textParts(node, scope);
  if (!parts.some((part) => typeof part !== "string")) return node;
  if (refused !== undefined) throw misplaced(node.at, node.text, refused);
  return { kind: "value", binding: { parts, kind: "text", literal: true }, at: node.at, spaced: node.spaced };
}

function textParts(node: Leaf, scope: TemplateScope): (string | Source)[] {
  const parts: (string | Source)[] = [];
  let done = 0;
  for (const match of node.plain.matchAll(IN_TEXT)) {
    const [whole, inBrackets, inBraces, inAngles] = match;
    const meaning =
      inBrackets === undefined ? namedMeaning(inBraces ?? inAngles ?? "", scope) : bracketedMeaning(inBrackets, scope);
    if (meaning === "secret") throw secret(node.at, whole);
    if (meaning === undefined) {
      if (BRACKETED.test(inBrackets ?? ""))
        throw new Fault(node.at, `${whole} is unknown: ${nearest(inBrackets ?? "", knownNames(scope))}`);
      continue;
    }
    if (match.index > done) parts.push(node.plain.slice(done, match.index));
    parts.push(meaning.source);
    done = match.index + whole.length;
  }
  if (done < node.plain.length) parts.push(node.plain.slice(done));
  return parts;
}

/** A quoted name stays one. A keyword in it was meant as a text. */
function quoted(node: Leaf, scope: TemplateScope): Node {
  if (textParts(node, scope).some((part) => typeof part !== "string"))
    throw new Fault(node.at, `a keyword can't stand in the quoted name ${node.text}: texts stand in single quotes`);
  return node;
}

function bracketedMeaning(name: string, scope: TemplateScope): Meaning | undefined | "secret" {
  const lower = name.toLowerCase();
  if (lower === "userid") return { source: { from: "caller", field: "id" }, kind: "integer" };
  if (lower === "username") return { source: { from: "caller", field: "username" }, kind: "text" };
  return BRACKETED.test(lower) ? namedMeaning(lower, scope) : undefined;
}

function namedMeaning(name: string, scope: TemplateScope): Meaning | undefined | "secret" {
  const lower = name.toLowerCase();
  const dot = lower.indexOf(".");
  if (dot >= 0) {
    const [step, field] = [lower.slice(0, dot), name.slice(dot + 1)];
    if (isSecret(field.toLowerCase(), scope)) return "secret";
    return scope.steps.has(step) ? { source: { from: "step", step, field }, kind: "text" } : undefined;
  }
  const param = scope.params.get(lower);
  if (isSecret(lower, scope)) return "secret";
  if (param !== undefined && param.kind !== "secret")
    return { source: { from: "param", name: lower }, kind: param.kind, values: param.values, most: param.most };
  const kind = lower === "id" ? "integer" : "text";
  if (scope.callerFields.has(lower))
    return { source: scope.open ? { from: "either", name: lower } : { from: "caller", field: lower }, kind };
  return scope.open ? { source: { from: "param", name: lower }, kind: "text" } : undefined;
}

/** A declared parameter is judged by its kind: a PIN that the caller sends is no secret of the database. */
function isSecret(name: string, scope: TemplateScope): boolean {
  const param = scope.params.get(name);
  if (name.startsWith("auth")) return true;
  return param === undefined ? scope.secretFields.has(name) : param.kind === "secret";
}

const knownNames = (scope: TemplateScope): string[] =>
  [...new Set([...scope.params.keys(), ...scope.callerFields, "userid", "username"])].filter(
    (name) => !isSecret(name, scope),
  );

const secret = (at: number, text: string): Fault => new Fault(at, `${text} is secret and can't stand in a statement`);

const misplaced = (at: number, text: string, refused: string): Fault =>
  new Fault(at, `${text} can't stand ${refused}: only a name can, so give the parameter a fixed list of values`);
