/** What a call record costs by the prices in force: its new price, or why it stays as it is. */
import type { Rate, RateTable } from "../contracts.js";
import { parseAmount } from "../database/amount.js";
import { cellText } from "../database/cells.js";
import type { Row } from "../request.js";
import { countryCode, normalNumber } from "./numbers.js";
import { callPrice, type Rounding, wholeSeconds } from "./pricing.js";

/**
 * A record of tb_cdrs with `country`, `parentid` and `accountcurrency` of the caller's account, and `calledtype`, the type of
 * the user who was called.
 */
export type CallRecord = Row;

export type Repriced =
  | { kind: "same" }
  /** Money in millionths; no rate for a call that was not answered. */
  | { kind: "changed"; before: bigint; after: bigint; seconds: number; rate: Rate | undefined }
  | { kind: "left"; reason: string };

/** Types of users who are called themselves; calls to the others leave through them. */
const PEOPLE = new Set([0, 1, 7, 8, 14, 15]);

/** What was really spoken counts, else the record's duration; calls among the users of this server keep their price. */
export function reprice(record: CallRecord, rates: RateTable, rounding: Rounding): Repriced {
  if (record["calledtype"] !== null && PEOPLE.has(Number(record["calledtype"]))) return { kind: "same" };
  const before = parseAmount(cellText(record["cost"]));
  const seconds = secondsOf(record);
  if (before === undefined || seconds === undefined) return left("its cost or duration can't be read");
  const account = cellText(record["accountcurrency"]);
  if (before !== 0n && record["currency"] !== account) return left("charged in another currency than the account's");
  if (seconds === 0) return changed(before, 0n, seconds, undefined);
  const rate = rateOf(record, rates);
  if (rate === undefined) return left("no rate for its number");
  if (rate.currency !== account) return left("priced in another currency than the account's");
  return changed(before, callPrice(seconds, rate, rounding), seconds, rate);
}

const left = (reason: string): Repriced => ({ kind: "left", reason });

const changed = (before: bigint, after: bigint, seconds: number, rate: Rate | undefined): Repriced =>
  before === after ? { kind: "same" } : { kind: "changed", before, after, seconds, rate };

function secondsOf({ realduration, duration }: CallRecord): number | undefined {
  const real = wholeSeconds(cellText(realduration));
  return real === undefined || real === 0 ? wholeSeconds(cellText(duration)) : real;
}

function rateOf({ callednumber, country, parentid }: CallRecord, rates: RateTable): Rate | undefined {
  const called = normalNumber(cellText(callednumber), countryCode(cellText(country)));
  return called && rates.find(called.number, Number(parentid ?? 0), "call");
}
