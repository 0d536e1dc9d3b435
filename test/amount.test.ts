/** Amounts are exact, also where a database keeps them as binary fractions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import fc from "fast-check";
import { formatAmount, MAX_AMOUNT, parseAmount, roundDecimal } from "../engine/database/amount.js";

const amounts = fc.bigInt({ min: -MAX_AMOUNT, max: MAX_AMOUNT });

for (const [text, millionths] of Object.entries({
  "0": 0n,
  "9.8": 9_800_000n,
  "-0.000001": -1n,
  "12": 12_000_000n,
  "0.100000": 100_000n,
}))
  test(`${text} is an amount`, () => assert.equal(parseAmount(text), millionths));

for (const text of [
  "",
  " 1",
  "1 ",
  "+1",
  "1e3",
  "0x10",
  "NaN",
  "Infinity",
  "1,5",
  ".5",
  "5.",
  "--1",
  "1.2.3",
  "0.0000001",
  "1234567890123",
])
  test(`'${text}' is no amount`, () => assert.equal(parseAmount(text), undefined));

for (const [value, text] of [
  [10 / 3, "3.333333"],
  [-1e-9, "0"],
  [0.0000006, "0.000001"],
  [999999999.999999, "999999999.999999"],
  [999999999999.9, "999999999999.9"],
] as const)
  test(`${value} rounded to six places is ${text.slice(0, 20)}`, () => assert.equal(roundDecimal(value, 6), text));

test("an amount comes back from its text, without zeros that say nothing", () =>
  fc.assert(
    fc.property(amounts, (amount) => {
      const text = formatAmount(amount);
      assert.equal(parseAmount(text), amount);
      assert.doesNotMatch(text, /\.\d*0$|\.$|^-0$/);
    }),
  ));

test("round(a + b, 6) of SQLite is the sum, and its comparisons decide right", () => {
  const statement = new Sqlite(":memory:").prepare<string[], { sum: number; less: number }>(
    "select round(cast(? as real) + cast(? as real), 6) as sum, cast(? as real) < cast(? as real) as less",
  );
  fc.assert(
    fc.property(amounts, amounts, (one, other) => {
      fc.pre(one + other <= MAX_AMOUNT && one + other >= -MAX_AMOUNT);
      const [a, b] = [formatAmount(one), formatAmount(other)];
      const row = statement.get(a, b, a, b);
      assert.equal(row?.sum, Number(formatAmount(one + other)));
      assert.equal(row?.less === 1, one < other);
    }),
    { numRuns: 2_000 },
  );
});
