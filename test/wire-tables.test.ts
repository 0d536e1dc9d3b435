/** The tables of requests and what they decode to, and of answers and what they are written as. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { parse } from "yaml";
import { decode, formatOf } from "../engine/decode.js";
import { encode } from "../engine/encode.js";
import { ApiError } from "../engine/errors.js";
import { hide } from "../engine/obfuscation.js";
import type { Answer, AnswerFormat, ParamValue, Peer, TransportName } from "../engine/request.js";
import { parseSettings } from "../engine/settings.js";
import { parseCommand } from "../engine/transports/command.js";

interface DecodeCase {
  title: string;
  target?: string;
  type?: string;
  body?: string;
  /** Hexadecimal. */
  bytes?: string;
  /** One of target and body, with a text behind it many times. */
  repeat?: { target?: string; body?: string; with: string; times: number };
  command?: string;
  settings?: Record<string, string>;
  entry?: string;
  params?: Record<string, ParamValue>;
  /** Some of the parameters. */
  login?: Record<string, string>;
  positional?: string[];
  rest?: string;
  format?: AnswerFormat;
  callback?: string;
  /** Beginning of the error, as a pattern. */
  error?: string;
  /** The answer's format where there is an error. */
  guessed?: AnswerFormat;
}

const peerOf = (transport: TransportName): Peer => ({
  transport,
  address: "192.0.2.1",
  forwarded: false,
  connection: "c1",
});

const casesIn = <T>(folder: string): [string, T[]][] => {
  const url = new URL(`../../test/cases/${folder}/`, import.meta.url);
  return readdirSync(url).map((file) => [file, parse(readFileSync(new URL(file, url), "utf8")) as T[]]);
};

const hidden = (text: string): string =>
  text.replace(/\{hide:([^}]*)\}/g, (_all, clear: string) => hide(clear, "secret"));

function incomingOf(it: DecodeCase) {
  const more = it.repeat?.with.repeat(it.repeat.times) ?? "";
  const target = it.repeat?.target === undefined ? hidden(it.target ?? "") : it.repeat.target + more;
  const text = it.repeat?.body === undefined ? hidden(it.body ?? "") : it.repeat.body + more;
  const body = it.bytes === undefined ? Buffer.from(text) : Buffer.from(it.bytes, "hex");
  const incoming = { peer: peerOf("http"), target, body, contentType: it.type ?? "" };
  return it.command === undefined ? incoming : { ...incoming, command: parseCommand(it.command) };
}

async function check(it: DecodeCase): Promise<void> {
  const settings = parseSettings(new Map(Object.entries(it.settings ?? {})));
  const incoming = incomingOf(it);
  const decoding = (async () => decode(incoming, settings))();
  if (it.error !== undefined) {
    const cause = await decoding.catch((error: unknown) => error);
    assert.ok(cause instanceof ApiError, `it was taken: ${JSON.stringify(cause)}`);
    assert.match(cause.text, new RegExp(`^${it.error}`));
    assert.equal(formatOf(incoming).format, it.guessed ?? formatOf(incoming).format);
    return;
  }
  const request = await decoding;
  const { entry, positional, rest, format, callback } = request;
  const expected = pick(it, ["entry", "positional", "rest", "format", "callback"]);
  assert.deepEqual(pick({ entry, positional, rest, format, callback }, Object.keys(expected)), expected);
  if (it.params !== undefined) assert.deepEqual(request.params, new Map(Object.entries(it.params)));
  for (const [name, value] of Object.entries(it.login ?? {})) assert.equal(request.params.get(name), value, name);
}

const pick = (from: object, names: string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));

for (const [file, cases] of casesIn<DecodeCase>("decode"))
  suite(`decode/${file}`, () => {
    for (const it of cases) test(it.title, () => check(it));
  });

interface EncodeCase {
  title: string;
  answer: Answer;
  forms: Record<AnswerFormat | "line", string>;
}

for (const [file, cases] of casesIn<EncodeCase>("encode"))
  suite(`encode/${file}`, () => {
    for (const { title, answer, forms } of cases)
      for (const [form, expected] of Object.entries(forms))
        test(`${title}: ${form}`, () => {
          const [format, transport]: [AnswerFormat, TransportName] =
            form === "line" ? ["text", "tcp"] : [form as AnswerFormat, "http"];
          const request = { format, callback: "cb", entry: "x", peer: peerOf(transport) };
          assert.equal(encode(answer, request, parseSettings(new Map())).body.toString(), expected);
        });
  });

test("a failure has the status 499 only where httpstrictresponse is set", () => {
  const request = { format: "json" as const, entry: "x", peer: peerOf("http") };
  const strict = parseSettings(new Map([["httpstrictresponse", "1"]]));
  assert.equal(encode({ ok: false, text: "failed: x" }, request, parseSettings(new Map())).status, 200);
  assert.equal(encode({ ok: false, text: "failed: x" }, request, strict).status, 499);
  assert.equal(encode({ ok: true, text: "x" }, request, strict).status, 200);
});
