/** Numbers as people write them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { countryCode, normalNumber } from "../engine/billing/numbers.js";

describe("a number as it is written", () => {
  const cases: [sent: string, country: string, number: string | undefined, rule?: string][] = [
    ["+36 30 123-4567", "", "36301234567", "+ in front"],
    [" 36301234567", "", "36301234567", "+ in front"],
    ["+ 36 (30) 123.4567", "Austria", "36301234567", "+ in front"],
    ["(+36) 30 1234567", "Austria", "36301234567", "+ in front"],
    ["0036/301234567", "Hungary", "36301234567", "00 in front"],
    ["36301234567", "", "36301234567", "digits as they are"],
    ["36301234567", "Hungary", "36301234567", "digits as they are"],
    ["06 30 123 4567", "Hungary", "36301234567", "national form of HU"],
    ["06301234567", "", "06301234567", "digits as they are"],
    ["0664 1234567", "AT", "436641234567", "national form of AT"],
    ["(020) 7946-0123", "uk", "442079460123", "national form of GB"],
    ["202-555-0123", "USA", "12025550123", "national form of US"],
    ["1 202 555 0123", "USA", "12025550123", "digits as they are"],
    ["011 36 30 123 4567", "USA", "36301234567", "what US dials before a foreign number"],
    ["8 (916) 123-45-67", "Russia", "79161234567", "national form of RU"],
    ["3630", "Hungary", "3630", "digits as they are"],
    ["999123", "Hungary", "999123", "digits as they are"],
    ["112", "Hungary", "112", "digits as they are"],
    ["0630", "Nowhere", "0630", "digits as they are"],
    ["", "Hungary", undefined],
    ["abc", "Hungary", undefined],
    ["+", "Hungary", undefined],
    ["36301234567;ext=1", "", undefined],
    ["3630x", "", undefined],
    ["1".repeat(33), "", undefined],
  ];
  for (const [sent, country, number, rule] of cases)
    test(`'${sent}' of ${country || "no country"}`, () => {
      const found = normalNumber(sent, countryCode(country));
      assert.deepEqual([found?.number, found?.rule], [number, rule]);
    });
});

test("what has been made international stays as it is", () =>
  fc.assert(
    fc.property(
      fc.stringMatching(/^[ +]?[0-9][0-9 ()./-]{0,20}$/),
      fc.constantFrom("HU", "AT", "US", "RU", ""),
      (sent, country) => {
        const once = normalNumber(sent, countryCode(country));
        assert.ok(once !== undefined && /^\d+$/.test(once.number));
        assert.equal(normalNumber(`+${once.number}`, countryCode(country))?.number, once.number);
      },
    ),
  ));
