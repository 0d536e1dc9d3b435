/** Parts of a message: counted as phones do, and none torn where a character is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Coding, codeText, wellFormed } from "../actions/sms/coding.js";
import { senderOf } from "../actions/sms/sender.js";

interface Case {
  title: string;
  text: string;
  unicode?: boolean;
  coding: Coding;
  parts: number[];
}

const CASES: Case[] = [
  { title: "nothing", text: "", coding: "gsm", parts: [0] },
  { title: "160 of GSM-7", text: "A".repeat(160), coding: "gsm", parts: [160] },
  { title: "161 of GSM-7", text: "A".repeat(161), coding: "gsm", parts: [153, 8] },
  { title: "306 of GSM-7", text: "A".repeat(306), coding: "gsm", parts: [153, 153] },
  { title: "307 of GSM-7", text: "A".repeat(307), coding: "gsm", parts: [153, 153, 1] },
  { title: "160 with a €, which counts double", text: `${"A".repeat(159)}€`, coding: "gsm", parts: [153, 7] },
  { title: "159 with a €", text: `${"A".repeat(158)}€`, coding: "gsm", parts: [159] },
  { title: "160 with a {", text: `{${"A".repeat(159)}`, coding: "gsm", parts: [152, 8] },
  {
    title: "an escaped character at the edge",
    text: `${"A".repeat(152)}€${"A".repeat(20)}`,
    coding: "gsm",
    parts: [152, 21],
  },
  { title: "all that GSM-7 escapes", text: "^{}\\[~]|€", coding: "gsm", parts: [9] },
  { title: "accents that GSM-7 has", text: "café à Ø ñ Ç", coding: "gsm", parts: [12] },
  { title: "ç, which GSM-7 lacks", text: "ça", coding: "ucs2", parts: [2] },
  { title: "a backtick, which GSM-7 lacks", text: "`", coding: "ucs2", parts: [1] },
  { title: "an escape sign", text: "\x1b", coding: "ucs2", parts: [1] },
  { title: "70 of UCS-2", text: "Я".repeat(70), coding: "ucs2", parts: [70] },
  { title: "71 of UCS-2", text: "Я".repeat(71), coding: "ucs2", parts: [67, 4] },
  { title: "134 of UCS-2", text: "Я".repeat(134), coding: "ucs2", parts: [67, 67] },
  { title: "135 of UCS-2", text: "Я".repeat(135), coding: "ucs2", parts: [67, 67, 1] },
  { title: "35 pairs", text: "😀".repeat(35), coding: "ucs2", parts: [70] },
  { title: "36 pairs, none torn", text: "😀".repeat(36), coding: "ucs2", parts: [66, 6] },
  { title: "a { among UCS-2 counts once", text: `{${"Я".repeat(69)}`, coding: "ucs2", parts: [70] },
  { title: "plain text where UCS-2 is wanted", text: "A".repeat(71), unicode: true, coding: "ucs2", parts: [67, 4] },
];

for (const { title, text, unicode, coding, parts } of CASES)
  test(`coding: ${title}`, () => {
    const coded = codeText(text, unicode);
    assert.equal(coded.coding, coding);
    assert.deepEqual(
      coded.parts.map((part) => part.length),
      parts,
    );
    assert.equal(coded.parts.join(""), text);
  });

test("coding: any text is its parts joined, each part fits, and no character is torn", () => {
  const some = fc.constantFrom(..."Aé€{^Яç😀\n ");
  const text = fc.oneof(
    fc.array(some, { maxLength: 400 }).map((it) => it.join("")),
    fc.string({ unit: "grapheme", maxLength: 300 }),
  );
  fc.assert(
    fc.property(text, fc.boolean(), (sent, unicode) => {
      const { coding, parts } = codeText(sent, unicode);
      assert.equal(parts.join(""), sent);
      const units = (part: string) =>
        coding === "ucs2" ? part.length : [...part].reduce((sum, it) => sum + ("\f^{}\\[~]|€".includes(it) ? 2 : 1), 0);
      const most = parts.length === 1 ? { gsm: 160, ucs2: 70 } : { gsm: 153, ucs2: 67 };
      for (const part of parts) {
        assert.ok(units(part) <= most[coding]);
        assert.ok(parts.length === 1 || part !== "");
        assert.equal(wellFormed(part), part);
      }
    }),
  );
});

for (const [sent, sender] of [
  ["Test", "Test"],
  ["+36 30 111-2222", "36301112222"],
  ["0036301112222", "36301112222"],
  ["1234", "1234"],
  ["Verylongsendername", "Verylongsen"],
  ["My Shop.2", "My Shop.2"],
  ["  ", undefined],
  ["a\r\nb", "refused"],
  ["shop&to=1", "refused"],
  ["Größe", "refused"],
  ["1234567890123456", "refused"],
] as const)
  test(`sender: ${JSON.stringify(sent)}`, () => {
    if (sender === "refused") assert.throws(() => senderOf(sent), /^ApiError: wrong parameter: from must be /);
    else assert.equal(senderOf(sent), sender);
  });
