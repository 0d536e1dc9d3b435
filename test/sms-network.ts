/** What is true of messages whatever they go through: the same table for an HTTP gateway and for a link to the centre. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { as, type TestServer } from "./server.js";
import type { SmsCentre, Taken } from "./sms-centre.js";
import { assertProvable, creditOf, idOf, statusOf } from "./sms-server.js";

interface Case {
  title: string;
  entry?: string;
  from?: string;
  to?: string;
  text: string;
  /** The answer without the message's id. */
  answer: string;
  credit: string;
  /** Of the parts that the centre took. */
  parts: (Partial<Omit<Taken, "header">> & { of?: [number, number] })[];
}

const delivered = (parts: number, cost: string) => `OK: delivered, id: N, parts: ${parts}, cost: ${cost} USD`;
const BACK = "ERROR: failed: message N was not delivered, its price is given back";

const CASES: Case[] = [
  {
    title: "accents and escaped characters arrive intact",
    from: "Test",
    text: "café € {x} ~ à",
    answer: delivered(1, "0.07"),
    credit: "9.93",
    parts: [{ from: "Test", sourceTon: 5, to: "36301234567", dataCoding: 0, text: "café € {x} ~ à" }],
  },
  {
    title: "a long text goes in three parts, each paid",
    from: "+36 1 700-0003",
    text: "A".repeat(307),
    answer: delivered(3, "0.21"),
    credit: "9.79",
    parts: [
      { from: "3617000003", dataCoding: 0, text: "A".repeat(153), of: [3, 1] },
      { text: "A".repeat(153), of: [3, 2] },
      { text: "A", of: [3, 3] },
    ],
  },
  {
    title: "an escaped character at the edge of a part is not torn",
    text: `${"A".repeat(152)}€${"A".repeat(8)}`,
    answer: delivered(2, "0.14"),
    credit: "9.86",
    parts: [
      { text: "A".repeat(152), of: [2, 1] },
      { text: `€${"A".repeat(8)}`, of: [2, 2] },
    ],
  },
  {
    title: "what GSM-7 lacks goes as UCS-2",
    text: "Я".repeat(71),
    answer: delivered(2, "0.14"),
    credit: "9.86",
    parts: [
      { dataCoding: 8, text: "Я".repeat(67), of: [2, 1] },
      { dataCoding: 8, text: "ЯЯЯЯ", of: [2, 2] },
    ],
  },
  {
    title: "a pair of surrogates is not torn",
    text: "😀".repeat(36),
    answer: delivered(2, "0.14"),
    credit: "9.86",
    parts: [
      { text: "😀".repeat(33), of: [2, 1] },
      { text: "😀".repeat(3), of: [2, 2] },
    ],
  },
  {
    title: "plain text as UCS-2 where that is wanted",
    entry: "sendsmsunicodesync",
    text: "plain",
    answer: delivered(1, "0.07"),
    credit: "9.93",
    parts: [{ dataCoding: 8, text: "plain" }],
  },
  {
    title: "a long word as sender is cut, a number may have a +",
    from: "Verylongsendername",
    to: "+36301234567",
    text: "a+b=c&d %41",
    answer: delivered(1, "0.07"),
    credit: "9.93",
    parts: [{ from: "Verylongsen", to: "36301234567", text: "a+b=c&d %41" }],
  },
  {
    title: "what the network does not deliver is refunded",
    text: "this will fail",
    answer: BACK,
    credit: "10",
    parts: [{ text: "this will fail" }],
  },
  { title: "what the centre refuses is refunded", text: "please refuse", answer: BACK, credit: "10", parts: [] },
  {
    title: "one part that is not delivered is the whole message",
    text: `${"A".repeat(158)} fail`,
    answer: BACK,
    credit: "10",
    parts: [{ of: [2, 1] }, { of: [2, 2] }],
  },
];

/** `fresh` empties what the last test left and answers the server and the centre. */
export function testNetwork(fresh: () => Promise<{ server: TestServer; centre: SmsCentre }>): void {
  for (const { title, entry = "sendsmssync", from = "", to = "36301234567", text, answer, credit, parts } of CASES)
    test(title, async () => {
      const { server, centre } = await fresh();
      const before = centre.taken.length;
      const answered = await server.get(entry, as("alice", { from, to, message: text }));
      assert.equal(answered.replace(/(id: |message )\d+/, "$1N"), answer);
      const taken = centre.taken.slice(before).sort((one, other) => (one.header?.[2] ?? 0) - (other.header?.[2] ?? 0));
      assert.equal(taken.length, parts.length);
      for (const [index, { of, ...wanted }] of parts.entries()) {
        const { header, ...part } = taken[index] as Taken;
        assert.deepEqual({ ...part, ...wanted }, part);
        assert.deepEqual(header?.slice(1), of);
        assert.equal(header?.[0], taken[0]?.header?.[0], "all parts have one reference");
      }
      assert.equal(await creditOf(server, "alice"), credit);
      if (answer.startsWith("OK")) assert.equal(await statusOf(server, idOf(answered)), "delivered");
      await assertProvable(server);
    });
}
