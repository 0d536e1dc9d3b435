/** Clauses of the original database: `top`, `offset ... fetch`, table hints, the schema `dbo`, `truncate`. */
import type { Dialect } from "../database/database.js";
import { HINTS } from "./dialect.js";
import { Fault } from "./tokens.js";
import { build, type Group, isOperator, isWord, type Node, nameOf, parts, type Raw } from "./tree.js";

/** Drops `with(nolock)`, an old `(nolock)`, `option(...)` and `dbo.`. */
export function dropHints(items: readonly Node[]): readonly Node[] {
  if (!items.some((_, index) => dropLength(items, index) > 0)) return items;
  const result: Node[] = [];
  let dropped = false;
  for (let index = 0; index < items.length; index += 1) {
    const count = dropLength(items, index);
    if (count > 0) {
      index += count - 1;
      dropped = true;
      continue;
    }
    const node = items[index] as Node;
    result.push(dropped && !node.spaced && !isOperator(node) ? { ...node, spaced: true } : node);
    dropped = false;
  }
  return result;
}

function dropLength(items: readonly Node[], index: number): number {
  const [node, after, before] = [items[index], items[index + 1], items[index - 1]];
  if (isWord(node, "with") && after?.kind === "group" && isHints(after)) return 2;
  if (isWord(node, "option") && after?.kind === "group" && index === items.length - 2 && index > 0) return 2;
  if (
    node?.kind === "group" &&
    node.items.length === 1 &&
    isWord(node.items[0], "nolock") &&
    nameOf(before) !== undefined
  )
    return 1;
  return nameOf(node) === "dbo" && isOperator(after, ".") && !isOperator(before, ".") ? 2 : 0;
}

const isHints = (group: Group): boolean =>
  group.items.length > 0 &&
  parts(group.items).every(([hint, ...more]) => hint?.kind === "word" && HINTS.has(hint.plain) && more.length === 0);

/** `select top n` to `limit n` where the select ends. Errors: {@link Fault}. */
export function moveTops(items: readonly Node[]): readonly Node[] {
  if (!items.some((node) => isWord(node, "top"))) return items;
  let result = [...items];
  for (let index = 0; index < result.length; index += 1) {
    const top = topOf(result, index);
    if (top === undefined) continue;
    const end = selectEnd(result, top.from);
    const part = result.slice(top.to, end);
    if (part.some((node) => isWord(node, "limit", "fetch", "offset")))
      throw new Fault(top.at, "top can't stand in one select with limit, offset or fetch: keep one of them");
    if (result.some((node) => isWord(node, "union", "intersect", "except")))
      throw new Fault(top.at, "top in a part of a union: write that part as select * from (select top ...) as x");
    const head = [...result.slice(0, top.from), ...spacedFirst(part), ...clause("limit", top.count, top.at)];
    result = [...head, ...spacedFirst(result.slice(end))];
  }
  return result;
}

interface Top {
  at: number;
  from: number;
  to: number;
  count: Node;
}

function topOf(items: readonly Node[], select: number): Top | undefined {
  if (!isWord(items[select], "select") || isOperator(items[select - 1], ".")) return undefined;
  const from = isWord(items[select + 1], "distinct", "all") ? select + 2 : select + 1;
  const [word, amount, next] = items.slice(from, from + 3);
  if (word === undefined || !isWord(word, "top")) return undefined;
  if (amount?.kind !== "number" && amount?.kind !== "group" && amount?.kind !== "value") return undefined;
  if (isWord(next, "percent") || (isWord(next, "with") && isWord(items[from + 3], "ties")))
    throw new Fault(word.at, "top ... percent and top ... with ties can't be translated: give a number of rows");
  const [count, ...more] = amount.kind === "group" ? amount.items : [amount];
  if (more.length > 0 || (count?.kind !== "number" && count?.kind !== "value"))
    throw new Fault(amount.at, "top takes a number or a keyword");
  return { at: word.at, from, to: from + 2, count };
}

function selectEnd(items: readonly Node[], from: number): number {
  const end = items.findIndex((node, index) => {
    if (index < from || isOperator(items[index - 1], ".")) return false;
    const next = items[index + 1];
    return (
      isWord(node, "union", "intersect", "except", "returning") ||
      (isWord(node, "on") && isWord(next, "duplicate", "conflict")) ||
      (isWord(node, "for") && isWord(next, "update", "share")) ||
      (isWord(node, "lock") && isWord(next, "in"))
    );
  });
  return end < 0 ? items.length : end;
}

const clause = (word: "limit" | "offset", count: Node, at: number): Node[] => [
  { kind: "word", text: word, plain: word, at, spaced: true },
  { ...count, spaced: true },
];

const spacedFirst = ([first, ...more]: readonly Node[]): Node[] =>
  first === undefined ? [] : [{ ...first, spaced: true }, ...more];

/** `offset a rows fetch next b rows only` and `fetch first b rows only` to `limit b offset a`. */
export function moveFetches(items: readonly Node[]): readonly Node[] {
  if (!items.some((node) => isWord(node, "offset", "fetch"))) return items;
  const result: Node[] = [];
  for (let index = 0; index < items.length; index += 1) {
    const node = items[index] as Node;
    const skip = isWord(node, "offset") && isWord(items[index + 2], "row", "rows") ? items[index + 1] : undefined;
    const at = skip === undefined ? index : index + 3;
    const take = isFetch(items, at) ? items[at + 2] : undefined;
    if (skip === undefined && take === undefined) {
      result.push(node);
      continue;
    }
    // Neither database knows an offset without a limit.
    const all: Raw = { kind: "raw", text: String(2n ** 63n - 1n), at: node.at, spaced: false };
    result.push(...clause("limit", take ?? all, node.at));
    if (skip !== undefined) result.push(...clause("offset", skip, node.at));
    index = take === undefined ? at - 1 : at + 4;
  }
  return result;
}

const isFetch = (items: readonly Node[], at: number): boolean =>
  isWord(items[at], "fetch") &&
  isWord(items[at + 1], "first", "next") &&
  isWord(items[at + 3], "row", "rows") &&
  isWord(items[at + 4], "only");

/** MariaDB takes no `limit` directly in the select of an `in`, but does one level deeper. */
export function deepenLimits(items: readonly Node[]): readonly Node[] {
  if (!items.some((node) => isWord(node, "in"))) return items;
  return items.map((node, index) => {
    if (node.kind !== "group" || !isWord(items[index - 1], "in") || !isWord(node.items[0], "select")) return node;
    if (!node.items.some((item) => isWord(item, "limit"))) return node;
    return { ...node, items: [build("select * from ($1) as limited", [node.items], node)] };
  });
}

/** SQLite has no `truncate`. */
export function deleteForTruncate(items: readonly Node[], dialect: Dialect): readonly Node[] {
  const [truncate, table] = items;
  if (dialect !== "sqlite" || truncate === undefined || !isWord(truncate, "truncate")) return items;
  return [build("delete from", [], truncate), ...items.slice(isWord(table, "table") ? 2 : 1)];
}
