/** Which texts are commands, and what they ask for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commandOf } from "../actions/sms/command.js";

const ALL = new Set(["p2p", "cb", "balance", "rating", "charge", "cli"]);
const [ME, ONE, TWO] = ["36301112222", "36301234567", "3612345678"];

type Read = [entry: string, values: string[], login?: { name?: string; password: string }];

const CASES: [text: string, read: Read | undefined][] = [
  ["balance", ["balance", []]],
  ["  BAL  ", ["balance", []]],
  ["balance alice secret", ["balance", [], { name: "alice", password: "secret" }]],
  ["balance 1234", ["balance", [], { password: "1234" }]],
  ["balance please", undefined],
  ["balance of my account", undefined],
  [`rating ${ONE}`, ["rating", [ONE]]],
  ["rating +36 30", undefined],
  ["rating", undefined],
  ["charge 100000000025", ["charge", ["100000000025"]]],
  ["recharge alice secret 100000000025", ["charge", ["100000000025"], { name: "alice", password: "secret" }]],
  ["charge me", undefined],
  ["cli", ["cli", [ME]]],
  [`cli ${ONE}`, ["cli", [ONE]]],
  ["cb", ["cb", [ME]]],
  [`cb ${ONE}`, ["cb", [ONE]]],
  [`cb alice secret ${ONE}`, ["cb", [ONE], { name: "alice", password: "secret" }]],
  [`p2p ${ONE} ${TWO}`, ["p2p", [ONE, TWO]]],
  [`p2p ${ONE}`, ["p2p", [ME, ONE]]],
  ["p2p", undefined],
  [`P2P alice,secret,${ONE},${TWO}`, ["p2p", [ONE, TWO], { name: "alice", password: "secret" }]],
  [`p2p 1234 ${ONE} ${TWO}`, ["p2p", [ONE, TWO], { password: "1234" }]],
  [`p2p a b c ${ONE} ${TWO}`, undefined],
  [ONE, ["cb", [ONE]]],
  [`${ONE} ${TWO}`, ["p2p", [ONE, TWO]]],
  [`1234 ${ONE}`, ["cb", [ONE], { password: "1234" }]],
  [`alice secret ${ONE}`, ["cb", [ONE], { name: "alice", password: "secret" }]],
  [`alice secret ${ONE} ${TWO}`, ["p2p", [ONE, TWO], { name: "alice", password: "secret" }]],
  [`1234 ${ONE} ${TWO}`, ["p2p", [ONE, TWO], { password: "1234" }]],
  [`please call me on ${ONE}`, undefined],
  ["see you at 1830", undefined],
  ["", undefined],
  ["db select 1", undefined],
  ["constructor", undefined],
];

for (const [text, read] of CASES)
  test(`command: ${JSON.stringify(text)}`, () => {
    const command = commandOf(text, ME, ALL);
    assert.deepEqual(command && [command.entry, command.values, ...(command.login ? [command.login] : [])], read);
  });

test("command: a login and a PIN are not shown, numbers are", () => {
  assert.equal(commandOf("charge alice secret 100000000025", ME, ALL)?.shown, "charge *** *** ***");
  assert.equal(commandOf(`alice secret ${ONE}`, ME, ALL)?.shown, `*** *** ${ONE}`);
});

test("command: only what is allowed", () => {
  assert.equal(commandOf(`p2p ${ONE} ${TWO}`, ME, new Set(["balance"])), undefined);
});
