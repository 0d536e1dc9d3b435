/** Answers of examples, as the reference page shows them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { shownAnswer } from "../engine/registry/shown-answer.js";

describe("an answer is shown", () => {
  for (const [answer, shown] of [
    ["OK: 1 rows\nnoted", "OK: 1 rows\nnoted"],
    ["/^OK: queued, id: \\d+, cost: 0\\.07 USD$/", "OK: queued, id: N, cost: 0.07 USD"],
    ["/^OK: \\d{4}-\\d\\d-\\d\\d UTC$/", "OK: NNNN-NN-NN UTC"],
    ["/^ERROR: access denied: /", "ERROR: access denied: …"],
    ["/\\nprices\\tpassed\\t[1-9]\\d*\\n/", "…\nprices\tpassed\tN\n…"],
    ["/^OK: new nonce is:\\w{16,}EOF$/", "OK: new nonce is:…EOF"],
    ["/^OK: 11.5 of [^\\t]+\\t(.*\\n)*last .+ [\\d.]+ ms$/", "OK: 11.5 of …\t…\nlast … N ms"],
    ["/^PK/", "PK…"],
    ["/^cron '61 \\* \\*'[\\s\\S]*\\?$/", "cron '61 * *'…?"],
  ] as const)
    test(JSON.stringify(answer), () => assert.equal(shownAnswer(answer), shown));
});
