/**
 * Exact amounts of money: decimals with six places, counted in millionths as bigint.
 *
 * MariaDB keeps them as DECIMAL(18,6), which is exact by type. SQLite keeps them as doubles, so that the SQL of integrators
 * works on both, and each statement that changes one rounds it: `round(a + b, 6)`. That is exact for amounts below 1e9:
 * - Next to 1e9 doubles are 2^-23 (1.2e-7) apart, and below 2e9 they are 2^-22 (2.4e-7) apart. So each amount is stored
 *   with a fault of at most 2^-24, and the sum of two adds at most 2^-23 of its own: 2^-22 in all, less than half of a
 *   millionth (5e-7).
 * - So the decimal with six places that is nearest to the double sum is the true sum, and `round(x, 6)` answers the double
 *   nearest to that decimal. The same decimal always has the same double: `=` and `<=` decide right.
 * - A decimal of at most 15 significant digits survives the way through a double, so its text is the amount.
 */

/** 999999999.999999: the greatest amount that both databases hold exactly. */
export const MAX_AMOUNT = 999_999_999_999_999n;

const AMOUNT = /^(-?)(\d{1,12})(?:\.(\d{1,6}))?$/;

/**
 * Millionths of a decimal such as `9.8`, `-0.000001` or `12`; undefined for any other text (`1e3`, `+1`, `1,5`, `.5`,
 * more than six places). May be beyond {@link MAX_AMOUNT}.
 */
export function parseAmount(text: string): bigint | undefined {
  const parts = AMOUNT.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = ""] = parts;
  const millionths = BigInt(whole + fraction.padEnd(6, "0"));
  return sign === "-" ? -millionths : millionths;
}

/** Decimal text without trailing zeros. */
export function formatAmount(millionths: bigint): string {
  const digits = (millionths < 0n ? -millionths : millionths).toString().padStart(7, "0");
  const text = trimDecimal(`${digits.slice(0, -6)}.${digits.slice(-6)}`);
  return millionths < 0n ? `-${text}` : text;
}

/** A decimal without the zeros that say nothing: `9.800000` is `9.8`, `12.000` is `12`, `-0.0` is `0`. */
export function trimDecimal(text: string): string {
  if (!text.includes(".")) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === ZERO) end--;
  if (text.charCodeAt(end - 1) === POINT) end--;
  const trimmed = text.slice(0, end);
  return trimmed === "-0" ? "0" : trimmed;
}

const ZERO = 48;
const POINT = 46;

/** As `decimalOfDouble`, rounded where that has more places. */
export function roundDecimal(value: number, places: number): string {
  const text = decimalOfDouble(value);
  const point = text.indexOf(".");
  return point < 0 || text.length - point - 1 <= places ? text : trimDecimal(value.toFixed(places));
}

/** Shortest decimal of a double at 15 significant digits, without an exponent. */
export function decimalOfDouble(value: number): string {
  // What round-trips in so few digits is the same at 15, and is found ten times faster.
  const shortest = String(value);
  if (shortest.length <= 15 && !shortest.includes("e")) return shortest;
  const text = value.toPrecision(15);
  if (!text.includes("e")) return trimDecimal(text);
  return Math.abs(value) < 1 ? trimDecimal(value.toFixed(20)) : BigInt(Number(text)).toString();
}
