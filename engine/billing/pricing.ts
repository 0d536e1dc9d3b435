/**
 * What a call costs, and how long it may last. Everything is counted in whole numbers: money in millionths as bigint, time
 * in whole seconds; a price is rounded once, at its end.
 *
 * price = connect fee + billed seconds × rate / 60. Billed are the first interval, and as many whole steps as the rest needs:
 * a call of 6.1 s in steps of 6 s is billed as 12 s, one of 0 s (not answered) costs nothing, not even the fee.
 */
import type { Rate } from "../contracts.js";
import { parseAmount } from "../database/amount.js";
import type { Settings } from "../settings.js";

/** Where a price has more places than are kept. */
export interface Rounding {
  mode: "nearest" | "up" | "down";
  /** Places that are kept, 0 to 6. */
  decimals: number;
}

export const roundingOf = ({ pricerounding, pricedecimals }: Settings): Rounding => ({
  mode: pricerounding as Rounding["mode"],
  decimals: pricedecimals,
});

/** What of a rate makes the price. */
export type Tariff = Pick<Rate, "price" | "connectFee" | "billingStep" | "minDuration" | "freeAfter">;

/** Seconds of a duration such as `61` or `6.1`, a part of a second counted as a whole one; undefined for what is none. */
export function wholeSeconds(duration: string | number): number | undefined {
  const [, whole, part] = /^(\d{1,9})(?:\.(\d+))?$/.exec(String(duration)) ?? [];
  if (whole === undefined) return undefined;
  return Number(whole) + (part !== undefined && /[1-9]/.test(part) ? 1 : 0);
}

/** Seconds that are charged for: the first interval (`minDuration`, or one step), then whole steps, until `freeAfter`. */
export function billedSeconds(seconds: number, { billingStep, minDuration, freeAfter }: Tariff): number {
  if (seconds <= 0) return 0;
  const step = Math.max(1, billingStep);
  const first = minDuration > 0 ? minDuration : step;
  const charged = freeAfter > 0 ? Math.min(seconds, freeAfter) : seconds;
  return charged <= first ? first : first + Math.ceil((charged - first) / step) * step;
}

/** Millionths; never less than 0. */
export function callPrice(seconds: number, tariff: Tariff, rounding: Rounding): bigint {
  if (seconds <= 0) return 0n;
  return rounded(sixtieths(billedSeconds(seconds, tariff), tariff), rounding);
}

/**
 * The most seconds whose price a credit pays; 0 when it doesn't pay the first interval, undefined when nothing ends the call.
 * `credit` is in millionths.
 */
export function longestCall(credit: bigint, tariff: Tariff, rounding: Rounding): number | undefined {
  const budget = budgetOf(credit, rounding);
  const first = billedSeconds(1, tariff);
  const rest = budget - sixtieths(first, tariff);
  if (credit < 0n || rest < 0n) return 0;
  const { billingStep, freeAfter } = tariff;
  const step = Math.max(1, billingStep);
  const price = amountOf(tariff.price) * BigInt(step);
  if (price === 0n) return undefined;
  const seconds = BigInt(first) + (rest / price) * BigInt(step);
  if (freeAfter > 0 && seconds >= BigInt(freeAfter)) return undefined;
  return Number(seconds < MOST_SECONDS ? seconds : MOST_SECONDS);
}

const MOST_SECONDS = BigInt(Number.MAX_SAFE_INTEGER);

/** Money of a price list in millionths; what is no amount, or less than nothing, is nothing. */
function amountOf(text: string): bigint {
  const amount = parseAmount(text) ?? 0n;
  return amount < 0n ? 0n : amount;
}

/** An exact price in sixtieths of a millionth, since rates are for a minute. */
const sixtieths = (billed: number, { price, connectFee }: Tariff): bigint =>
  amountOf(connectFee) * 60n + amountOf(price) * BigInt(billed);

const unitOf = ({ decimals }: Rounding): bigint => 10n ** BigInt(6 - decimals);

function rounded(exact: bigint, rounding: Rounding): bigint {
  const unit = unitOf(rounding);
  const added = { down: 0n, nearest: unit * 30n, up: unit * 60n - 1n }[rounding.mode];
  return ((exact + added) / (unit * 60n)) * unit;
}

/** The greatest exact price that is rounded to no more than the credit. */
function budgetOf(credit: bigint, rounding: Rounding): bigint {
  const unit = unitOf(rounding);
  const whole = (credit / unit) * unit * 60n;
  return whole + { down: unit * 60n - 1n, nearest: unit * 30n - 1n, up: 0n }[rounding.mode];
}
