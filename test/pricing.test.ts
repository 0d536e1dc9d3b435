/** What a call costs and how long it may last, exactly. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  billedSeconds,
  callPrice,
  longestCall,
  type Rounding,
  type Tariff,
  wholeSeconds,
} from "../engine/billing/pricing.js";
import { formatAmount, parseAmount } from "../engine/database/amount.js";

const NEAREST: Rounding = { mode: "nearest", decimals: 6 };
/** The first minute whole, then steps of 6 s. */
const MINUTE: Tariff = { price: "0.6", connectFee: "0.05", billingStep: 6, minDuration: 60, freeAfter: 0 };
const STEPS: Tariff = { price: "0.6", connectFee: "0", billingStep: 6, minDuration: 0, freeAfter: 0 };

const priceOf = (duration: string, tariff: Tariff, rounding = NEAREST): string =>
  formatAmount(callPrice(wholeSeconds(duration) ?? Number.NaN, tariff, rounding));

describe("the price of a call", () => {
  const cases: [title: string, duration: string, tariff: Tariff, price: string, rounding?: Rounding][] = [
    ["that was not answered", "0", MINUTE, "0"],
    ["of a second", "1", MINUTE, "0.65"],
    ["of the first interval", "60", MINUTE, "0.65"],
    ["of a second more", "61", MINUTE, "0.71"],
    ["to the end of a step", "66", MINUTE, "0.71"],
    ["of a second more than a step", "67", MINUTE, "0.77"],
    ["of a part of a second", "0.2", STEPS, "0.06"],
    ["of a part of a second more than a step", "6.1", STEPS, "0.12"],
    ["of whole seconds in a decimal", "6.0", STEPS, "0.06"],
    ["without steps in its price list", "7", { ...STEPS, billingStep: 0 }, "0.07"],
    ["for nothing", "600", { ...STEPS, price: "0" }, "0"],
    ["for the fee only", "600", { ...STEPS, price: "0", connectFee: "0.1" }, "0.1"],
    ["that is free after a minute, before", "59", { ...STEPS, freeAfter: 60 }, "0.6"],
    ["that is free after a minute, long after", "6000", { ...STEPS, freeAfter: 60 }, "0.6"],
    ["by a price below nothing", "60", { ...STEPS, price: "-1" }, "0"],
    ["with a third of a millionth", "1", { ...STEPS, price: "0.00002", billingStep: 1 }, "0"],
    ["with half a millionth", "1", { ...STEPS, price: "0.00003", billingStep: 1 }, "0.000001"],
    ["rounded up", "1", { ...STEPS, price: "0.000001", billingStep: 1 }, "0.000001", { mode: "up", decimals: 6 }],
    ["rounded down", "59", { ...STEPS, price: "0.000001", billingStep: 1 }, "0", { mode: "down", decimals: 6 }],
    ["rounded to cents", "61", MINUTE, "0.71", { mode: "nearest", decimals: 2 }],
    ["rounded up to tens of cents", "61", MINUTE, "0.8", { mode: "up", decimals: 1 }],
    ["rounded down to whole units", "61", MINUTE, "0", { mode: "down", decimals: 0 }],
    ["of a day, not rounded at each step", "86400", { ...STEPS, price: "0.01", billingStep: 1 }, "14.4"],
  ];
  for (const [title, duration, tariff, price, rounding] of cases)
    test(title, () => assert.equal(priceOf(duration, tariff, rounding), price));

  for (const bad of ["", "-1", "abc", "1e3", "1,5", "Infinity"])
    test(`'${bad}' is no duration`, () => assert.equal(wholeSeconds(bad), undefined));
});

describe("the longest call", () => {
  const cases: [title: string, credit: string, tariff: Tariff, seconds: number | undefined][] = [
    ["that 1.00 pays", "1", MINUTE, 90],
    ["that just pays the first interval", "0.65", MINUTE, 60],
    ["that does not pay the first interval", "0.64", MINUTE, 0],
    ["with nothing", "0", MINUTE, 0],
    ["with debts", "-1", { ...STEPS, price: "0" }, 0],
    ["for nothing has no limit", "0", { ...STEPS, price: "0" }, undefined],
    ["whose only price is a fee that is there", "0.1", { ...STEPS, price: "0", connectFee: "0.1" }, undefined],
    ["whose only price is a fee that is not there", "0.09", { ...STEPS, price: "0", connectFee: "0.1" }, 0],
    ["that is free later has no limit once that is paid", "0.6", { ...STEPS, freeAfter: 60 }, undefined],
    ["that is free later ends before when it isn't", "0.59", { ...STEPS, freeAfter: 60 }, 54],
  ];
  for (const [title, credit, tariff, seconds] of cases)
    test(title, () => assert.equal(longestCall(parseAmount(credit) ?? 0n, tariff, NEAREST), seconds));
});

const amount = (max: bigint) => fc.bigInt({ min: 0n, max }).map(formatAmount);
const tariffs = fc.record({
  price: amount(5_000_000n),
  connectFee: amount(300_000n),
  billingStep: fc.integer({ min: 0, max: 70 }),
  minDuration: fc.integer({ min: 0, max: 90 }),
  freeAfter: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4_000 })),
});
const roundings = fc.record({
  mode: fc.constantFrom<Rounding["mode"]>("nearest", "up", "down"),
  decimals: fc.integer({ min: 0, max: 6 }),
});

test("a credit pays the longest call, and no second more", () =>
  fc.assert(
    fc.property(tariffs, roundings, fc.bigInt({ min: 0n, max: 50_000_000n }), (tariff, rounding, credit) => {
      const longest = longestCall(credit, tariff, rounding);
      if (longest === undefined) return assert.ok(callPrice(1_000_000, tariff, rounding) <= credit);
      if (longest > 0) assert.ok(callPrice(longest, tariff, rounding) <= credit);
      assert.ok(callPrice(longest + 1, tariff, rounding) > credit);
    }),
  ));

test("a longer call never costs less, and is never billed shorter than it was before it is free", () =>
  fc.assert(
    fc.property(tariffs, roundings, fc.nat(5_000), fc.nat(200), (tariff, rounding, seconds, more) => {
      assert.ok(callPrice(seconds + more, tariff, rounding) >= callPrice(seconds, tariff, rounding));
      if (tariff.freeAfter === 0) assert.ok(billedSeconds(seconds, tariff) >= seconds);
    }),
  ));
