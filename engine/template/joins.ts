/** Texts that the original database joins with `+`. */
import { Fault } from "./tokens.js";
import { build, isOperator, isText, type Leaf, type Node, operandEnd } from "./tree.js";

/** A text that can't be meant as a number. */
const isSurelyText = (node: Node): boolean =>
  (node.kind === "string" && !isNumeric(node.plain)) ||
  (node.kind === "value" &&
    node.binding.literal &&
    node.binding.parts.some((part) => typeof part === "string" && !isNumeric(part)));
const isNumeric = (text: string): boolean => /^\s*[-+]?[\d.]+\s*$/.test(text);

/** `+` next to a text joins, as `||` does. Errors: {@link Fault} where it may as well add. */
export function joinTexts(items: readonly Node[]): readonly Node[] {
  if (!items.some((node) => isOperator(node, "+"))) return items;
  const result = [...items];
  for (let index = 0; index < items.length; index += 1) {
    const chain = chainFrom(items, index);
    if (
      chain.operands.length > 1 &&
      chain.operands.some(isText) &&
      chain.operators.some((at) => isOperator(items[at], "+"))
    )
      for (const at of joinable(items, chain)) result[at] = { ...(items[at] as Leaf), text: "||" };
    index = Math.max(index, chain.end - 1);
  }
  return result;
}

interface Chain {
  operands: Node[];
  operators: number[];
  end: number;
}

function chainFrom(items: readonly Node[], from: number): Chain {
  const chain: Chain = { operands: [], operators: [], end: from };
  for (let at = from; ; at = chain.end + 1) {
    const end = operandEnd(items, at);
    if (end === at) return chain;
    chain.operands.push(end === at + 1 ? (items[at] as Node) : build("", [], items[at] as Node));
    chain.end = end;
    if (!isOperator(items[end], "+", "-", "*", "/", "%", "||")) return chain;
    chain.operators.push(end);
  }
}

function joinable(items: readonly Node[], { operands, operators }: Chain): number[] {
  const pure = operators.every((at) => isOperator(items[at], "+", "||"));
  const texts = operands.every(isText) || operands.some(isSurelyText);
  const plus = operators.filter((at) => isOperator(items[at], "+"));
  if (pure && texts && !operands.some((node) => node.kind === "number")) return plus;
  throw new Fault(
    items[plus[0] as number]?.at ?? 0,
    "this + may join texts or add numbers: join with ||, and write numbers and their keywords without quotes",
  );
}
