/**
 * Where a bound value can't stand, because only a name can, or because it would do nothing: the database would take
 * `order by ?` and not sort. These places are
 *
 *   directly after          from into update join table view index column as collate with recursive over references
 *                           window call is in exists values straight_join, and at the very start
 *   after a comma           of from, into, update, join; before and after a `.`; before a parenthesis
 *   as a whole item         of order by, group by, partition by
 *   left of =               in set
 *   in the column list      of insert, using, on conflict
 *   directly after          an operand: what follows there is an alias or a unit
 */
import { expectsOperand } from "./tokens.js";
import { isOperator, isWord, type Node } from "./tree.js";

/** What the items of a list are. */
export type Within = "values" | "names" | "count";

export interface Place {
  /** Why a value can't stand here: `after "from"`. */
  refused: string | undefined;
  /** A number of rows: after limit, offset, top, fetch. */
  count: boolean;
  /** Directly after `in`, where a list may stand. */
  afterIn: boolean;
  /** What the items of a parenthesis at this place are. */
  inner: Within;
}

const CLAUSES = new Set(
  "select from where set having on using values limit offset fetch by into update join conflict returning union".split(
    " ",
  ),
);
const BEFORE_NAME = new Set(
  `from into update join table view index column as collate with recursive over references window call is in exists values
   straight_join`.split(/\s+/),
);
const BEFORE_COUNT = new Set(["limit", "offset", "top", "first", "next"]);
const COMPARES = ["and", "or", "in", "like", "is", "between", "div", "mod", "not", "regexp", "rlike", "glob"];

/** The place of each item of a list. */
export function placesOf(items: readonly Node[], within: Within): Place[] {
  let clause = "";
  return items.map((node, index) => {
    const before = items[index - 1];
    const word = before?.kind === "word" ? before.plain : "";
    const startsClause = node.kind === "word" && CLAUSES.has(node.plain) && !isOperator(before, ".");
    const count = within === "count" || BEFORE_COUNT.has(word) || (clause === "limit" && isOperator(before, ","));
    const place: Place = {
      refused: count ? undefined : refusal(items, index, clause, within),
      count,
      afterIn: word === "in" && !isWord(items[index - 2], "not"),
      inner: innerOf(node, word, clause),
    };
    if (startsClause) clause = node.plain;
    return place;
  });
}

function innerOf(node: Node, word: string, clause: string): Within {
  if (node.kind !== "group" || isWord(node.items[0], "select", "with", "values")) return "values";
  if (word === "top") return "count";
  return clause === "into" || clause === "using" || word === "conflict" ? "names" : "values";
}

function refusal(items: readonly Node[], index: number, clause: string, within: Within): string | undefined {
  const before = items[index - 1];
  const after = items[index + 1];
  if (within === "names") return "in a list of columns";
  if (isOperator(before, ".") || isOperator(after, ".")) return 'beside "."';
  if (after?.kind === "group") return "before a parenthesis";
  if (before?.kind === "word" && BEFORE_NAME.has(before.plain)) return `after "${before.plain}"`;
  if (before !== undefined && endsOperand(before, items[index - 2])) return "directly after another operand";
  const startsItem = isOperator(before, ",") || (before?.kind === "word" && before.plain === clause);
  if (!startsItem) return undefined;
  if (["from", "into", "update", "join"].includes(clause)) return `in the list of "${clause}"`;
  if (clause === "set" && isOperator(after, "=")) return "left of = in set";
  const continues = isWord(after, ...COMPARES) || (after?.kind === "operator" && !isOperator(after, ",", ";"));
  return clause === "by" && !continues ? 'as a whole item of "by", where a value sorts and groups nothing' : undefined;
}

/** `top 5` and `top (5)` end no operand: the first column follows. */
function endsOperand(node: Node, before: Node | undefined): boolean {
  if (node.kind === "operator") return false;
  if (node.kind === "word") return !expectsOperand(node.plain);
  return !isWord(before, "top");
}
