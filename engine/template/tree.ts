/** Tokens as a tree: what stands in parentheses is one node, so that a form is found by looking at its neighbours. */
import type { Binding } from "./template.js";
import { expectsOperand, Fault, type Token, type TokenKind } from "./tokens.js";

interface Placed {
  /** Offset in the template. */
  at: number;
  /** White space or a comment stood before it. */
  spaced: boolean;
}
export interface Leaf extends Placed {
  kind: Exclude<TokenKind, "blank" | "comment" | "open" | "close">;
  text: string;
  /** A word in lower case; a name, text or keyword without its marks; otherwise the text. */
  plain: string;
}
export interface Group extends Placed {
  kind: "group";
  items: readonly Node[];
}
/** A bound value. */
export interface Value extends Placed {
  kind: "value";
  binding: Binding;
}
/** A name that one of the values of a parameter gives. */
export interface Choice extends Placed {
  kind: "choice";
  param: string;
  values: readonly string[];
}
/** Text that a form is translated to. */
export interface Raw extends Placed {
  kind: "raw";
  text: string;
}
/** Several nodes that are one operand. */
export interface Run extends Placed {
  kind: "run";
  items: readonly Node[];
  /** Set when it is the current time. */
  clock?: true;
}
export type Node = Leaf | Group | Value | Choice | Raw | Run;

/** Deeper nesting is refused, since what walks the tree is recursive. */
const MAX_DEPTH = 100;

/** The tree of `tokens`. Errors: {@link Fault}. */
export function grow(tokens: readonly Token[]): Node[] {
  const root: Node[] = [];
  const open: (Group & { items: Node[] })[] = [];
  let items = root;
  let spaced = false;
  for (const token of tokens) {
    const { kind, text, at } = token;
    if (kind === "blank" || kind === "comment") {
      spaced = true;
      continue;
    }
    if (kind === "open") {
      if (open.length === MAX_DEPTH) throw new Fault(at, `more than ${MAX_DEPTH} parentheses in each other`);
      const group = { kind: "group" as const, items: [], at, spaced };
      items.push(group);
      open.push(group);
      items = group.items;
    } else if (kind === "close") {
      if (open.pop() === undefined) throw new Fault(at, "this parenthesis closes nothing");
      items = open.at(-1)?.items ?? root;
    } else items.push({ kind, text, plain: plain(kind, text), at, spaced });
    spaced = false;
  }
  const unclosed = open.at(-1);
  if (unclosed !== undefined) throw new Fault(unclosed.at, "this parenthesis is not closed");
  return root;
}

function plain(kind: Leaf["kind"], text: string): string {
  if (kind === "word") return text.toLowerCase();
  if (kind === "keyword") return text.slice(1, -1).trim();
  if (kind === "string") return text.slice(text.indexOf("'") + 1, -1).replaceAll("''", "'");
  if (kind !== "name") return text;
  const close = text.slice(-1);
  return text.slice(1, -1).replaceAll(close + close, close);
}

/** True when `node` is one of these words, given in lower case. */
export const isWord = (node: Node | undefined, ...words: string[]): boolean =>
  node?.kind === "word" && words.includes(node.plain);

export const isOperator = (node: Node | undefined, ...operators: string[]): boolean =>
  node?.kind === "operator" && operators.includes(node.text);

/** True for a literal text, with keywords in it or without. */
export const isText = (node: Node): boolean =>
  node.kind === "string" || (node.kind === "value" && node.binding.literal);

/** A word or quoted name in lower case, since a quoted name may call a function as well. */
export const nameOf = (node: Node | undefined): string | undefined =>
  node?.kind === "word" || node?.kind === "name" ? node.plain.toLowerCase() : undefined;

/** What stands between the commas. An empty list has no parts. */
export function parts(items: readonly Node[]): Node[][] {
  if (items.length === 0) return [];
  const result: Node[][] = [[]];
  for (const node of items)
    if (isOperator(node, ",")) result.push([]);
    else result.at(-1)?.push(node);
  return result;
}

/** Calls `see` with each list of the tree, the outer one first. */
export function eachList(items: readonly Node[], see: (items: readonly Node[]) => void): void {
  see(items);
  for (const node of items) if (node.kind === "group" || node.kind === "run") eachList(node.items, see);
}

/** A copy of the tree with each node that has no items replaced. */
export const mapLeaves = (items: readonly Node[], change: (node: Node) => Node): Node[] =>
  items.map((node) =>
    node.kind === "group" || node.kind === "run" ? { ...node, items: mapLeaves(node.items, change) } : change(node),
  );

/** `form` with `$1` ... `$9` replaced by `args`, as one operand in the place of `from`. */
export function build(form: string, args: readonly (readonly Node[])[], from: Placed): Run {
  const { at, spaced } = from;
  const items = form.split(/\$(\d)/).map((part, index): Node => {
    if (index % 2 === 0) return { kind: "raw", text: part, at, spaced: false };
    return { kind: "run", items: args[Number(part) - 1] ?? [], at, spaced: false };
  });
  return { kind: "run", items, at, spaced };
}

/**
 * Index behind the operand that begins at `from`: a value, a name with its dots and arguments, or a parenthesis, with its
 * signs; `from` where none begins.
 */
export function operandEnd(items: readonly Node[], from: number): number {
  let at = from;
  while (isOperator(items[at], "-", "+", "~")) at += 1;
  const node = items[at];
  if (node === undefined || node.kind === "operator") return from;
  if (node.kind !== "word" && node.kind !== "name" && node.kind !== "choice") return at + 1;
  if (node.kind === "word" && expectsOperand(node.plain)) return from;
  while (isOperator(items[at + 1], ".") && items[at + 2] !== undefined) at += 2;
  return items[at + 1]?.kind === "group" ? at + 2 : at + 1;
}
