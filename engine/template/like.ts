/** Values in the pattern of a `like`. */
import type { Binding } from "./template.js";
import { Fault } from "./tokens.js";
import { build, isOperator, isWord, mapLeaves, type Node, operandEnd, type Value } from "./tree.js";

const ESCAPE = "!";

/** A keyword's own `%` and `_` match themselves in a `like`. Errors: {@link Fault} for what can't be translated. */
export function escapeLikes(items: readonly Node[]): readonly Node[] {
  if (!items.some((node) => isWord(node, "like"))) return items;
  const result: Node[] = [];
  for (let index = 0; index < items.length; index += 1) {
    result.push(items[index] as Node);
    if (!isWord(items[index], "like") || isOperator(items[index - 1], ".")) continue;
    const end = patternEnd(items, index + 1);
    const pattern = items.slice(index + 1, end);
    refuseSets(pattern);
    const endless = end === index + 1 || isOperator(items[end], "+");
    const unclear = endless || has(pattern, (node) => isWord(node, "select"));
    if (unclear && has(endless ? items.slice(index + 1) : pattern, isEscaped))
      throw new Fault(items[index]?.at ?? 0, "behind a like stand texts, keywords and calls, joined with ||");
    index = end - 1;
    if (!has(pattern, isEscaped)) {
      result.push(...pattern);
      continue;
    }
    const own = isWord(items[end], "escape") ? escapeOf(items[end + 1], items[end] as Node) : undefined;
    result.push(...mapLeaves(pattern, (node) => escaped(node, own)));
    if (own === undefined) result.push({ ...build(`escape '${ESCAPE}'`, [], pattern[0] as Node), spaced: true });
  }
  return result;
}

function patternEnd(items: readonly Node[], from: number): number {
  let end = operandEnd(items, from);
  while (end > from && isOperator(items[end], "||")) {
    const next = operandEnd(items, end + 1);
    if (next === end + 1) return end;
    end = next;
  }
  return end;
}

const isEscaped = (node: Node): node is Value => node.kind === "value" && node.binding.kind === "text";

const has = (items: readonly Node[], test: (node: Node) => boolean): boolean =>
  items.some((node) => (node.kind === "group" || node.kind === "run" ? has(node.items, test) : test(node)));

function refuseSets(pattern: readonly Node[]): void {
  const isSet = (part: unknown): boolean => typeof part === "string" && /\[[^\]]+\]/.test(part);
  if (
    has(pattern, (node) =>
      node.kind === "string" ? isSet(node.plain) : isEscaped(node) && node.binding.parts.some(isSet),
    )
  )
    throw new Fault(
      pattern[0]?.at ?? 0,
      "a set such as [a-z] in a like can't be translated: write the cases with or; a bracket is found by charindex('[', x)",
    );
}

function escapeOf(node: Node | undefined, word: Node): string {
  if (node?.kind !== "string" || node.plain.length !== 1)
    throw new Fault(word.at, "the escape of a like with keywords is a text of one character");
  return node.plain;
}

function escaped(node: Node, own: string | undefined): Node {
  const double = (text: string) => (own === undefined ? text.replaceAll(ESCAPE, ESCAPE + ESCAPE) : text);
  if (node.kind === "string") return { ...node, plain: double(node.plain) };
  if (!isEscaped(node)) return node;
  const parts = node.binding.parts.map((part) => (typeof part === "string" ? double(part) : part));
  const binding: Binding = { ...node.binding, parts, likeEscape: own ?? ESCAPE };
  return { ...node, binding };
}
