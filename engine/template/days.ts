/** Days added to a time and taken from it, as the original database counts: `getdate() - 0.1`. */
import type { Dialect } from "../database/database.js";
import { Fault } from "./tokens.js";
import { build, isOperator, isText, type Node, operandEnd, type Run } from "./tree.js";

const SECONDS_A_DAY = 86_400;

/** `getdate() - 0.1`: the number is one of days. Errors: {@link Fault} where it could be something else. */
export function shiftClocks(items: readonly Node[], dialect: Dialect): readonly Node[] {
  if (!items.some(isClock)) return items;
  const result: Node[] = [];
  for (let index = 0; index < items.length; index += 1) {
    const node = items[index] as Node;
    if (!isClock(node) || isOperator(items[index + 1], "*", "/", "%")) {
      result.push(node);
      continue;
    }
    if (isOperator(items[index - 1], "-", "+"))
      throw new Fault(node.at, "the time stands left of its + or -; between two times use datediff(second, a, b)");
    const shifts: Shift[] = [];
    while (isOperator(items[index + 1], "-", "+")) {
      const end = termEnd(items, index + 2);
      shifts.push({ sign: isOperator(items[index + 1], "-") ? "-" : "+", days: items.slice(index + 2, end) });
      index = Math.max(end, index + 2) - 1;
    }
    result.push(shifts.length === 0 ? node : shifted(node, shifts, dialect));
  }
  return result;
}

const isClock = (node: Node): node is Run => node.kind === "run" && node.clock === true;

interface Shift {
  sign: "-" | "+";
  days: Node[];
}

function shifted(clock: Run, shifts: readonly Shift[], dialect: Dialect): Run {
  const steps = shifts.map((shift) => stepOf(shift, clock, dialect));
  return dialect === "sqlite"
    ? build("datetime('now', $1)", [separated(steps, ", ")], clock)
    : build("(utc_timestamp() $1)", [separated(steps, " ")], clock);
}

function stepOf({ sign, days }: Shift, clock: Run, dialect: Dialect): Run {
  const [first] = days;
  if (first === undefined || isAmbiguous(days)) throw noDays(first ?? clock);
  if (first.kind === "number" && days.length === 1) {
    const seconds = Math.round(Number(first.text) * SECONDS_A_DAY);
    if (!Number.isSafeInteger(seconds)) throw noDays(first);
    return build(
      dialect === "sqlite" ? `'${sign}${seconds} seconds'` : `${sign} interval ${seconds} second`,
      [],
      first,
    );
  }
  const form =
    dialect === "sqlite"
      ? `cast(round(($1) * ${sign}${SECONDS_A_DAY}) as integer) || ' seconds'`
      : `${sign} interval cast(round(($1) * ${SECONDS_A_DAY}) as signed) second`;
  return build(form, [days.map(asNumber)], first);
}

const noDays = ({ at }: Node): Fault =>
  new Fault(at, "behind a time stands a number of days; write a column of days as (column)");

const separated = (runs: readonly Run[], separator: string): Node[] =>
  runs.flatMap((run, index) => [
    ...(index === 0 ? [] : [build(separator, [], { at: run.at, spaced: false })]),
    { ...run, spaced: false },
  ]);

/** A lone name may be a time, and a text or a time is no number of days. */
const isAmbiguous = (days: readonly Node[]): boolean =>
  days.every((node) => ["word", "name", "choice", "operator"].includes(node.kind)) ||
  days.some((node) => isText(node) || isClock(node));

const asNumber = (node: Node): Node =>
  node.kind === "value" && node.binding.kind === "text" && !node.binding.literal
    ? { ...node, binding: { ...node.binding, kind: "amount" } }
    : node;

function termEnd(items: readonly Node[], from: number): number {
  let end = operandEnd(items, from);
  while (end > from && isOperator(items[end], "*", "/", "%")) {
    const next = operandEnd(items, end + 1);
    if (next === end + 1) break;
    end = next;
  }
  return end;
}
