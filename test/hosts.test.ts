/** Hosts as people write them, and the levels of wsload. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostOf } from "../actions/hosts.js";
import { levelOf } from "../actions/load.js";

const HOSTS: [text: string, host: string | undefined, port?: number][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["192.0.2.1:5080", "192.0.2.1", 5080],
  ["2001:db8::1", "2001:db8::1"],
  ["[2001:db8::1]", "2001:db8::1"],
  ["[2001:db8::1]:5060", "2001:db8::1", 5060],
  ["sip.example.com", "sip.example.com"],
  ["sip.example.com:65535", "sip.example.com", 65_535],
  ["localhost", "localhost"],
  ["192.0.2.300", undefined],
  ["192.0.2", undefined],
  ["sip.example.com:0", undefined],
  ["sip.example.com:65536", undefined],
  ["sip.example.com:", undefined],
  ["-a.example.com", undefined],
  ["a..example.com", undefined],
  ["a b", undefined],
  ["a;b", undefined],
  ["[sip.example.com]", undefined],
  ["[192.0.2.1]", undefined],
  [`${"a".repeat(254)}`, undefined],
  ["", undefined],
];
for (const [text, host, port = null] of HOSTS)
  test(`the host '${text.slice(0, 40)}' is ${host ?? "refused"}`, () =>
    assert.deepEqual(hostOf(text), host === undefined ? undefined : { host, port }));

for (const [part, level] of [
  [0, 0],
  [0.12, 0],
  [0.125, 1],
  [0.49, 3],
  [0.5, 4],
  [0.99, 7],
  [1, 7],
  [3, 7],
] as const)
  test(`a share of ${part} is level ${level}`, () => assert.equal(levelOf(part), level));
