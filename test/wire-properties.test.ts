/** What holds for any bytes that somebody may send. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { Splitter } from "../engine/connections/splitter.js";
import { decode, formatOf } from "../engine/decode.js";
import { encode } from "../engine/encode.js";
import { ApiError } from "../engine/errors.js";
import { hide, isBlob, reveal } from "../engine/obfuscation.js";
import { readQuery } from "../engine/query.js";
import type { AnswerFormat, Peer } from "../engine/request.js";
import { parseSettings } from "../engine/settings.js";
import { parseXml } from "../engine/xml.js";

const peer: Peer = { transport: "http", address: "192.0.2.1", forwarded: false, connection: "c1" };
const settings = parseSettings(new Map([["httpapiencryptkey", "secret"]]));
const anyText = fc.string({ unit: "binary" });

const types = [
  "",
  "application/json",
  "text/xml",
  "application/soap+xml",
  "text/plain",
  "multipart/form-data; boundary=b",
  "text/xml; charset=utf-16le",
];
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((text) => Buffer.from(text)),
  anyText.map((text) => Buffer.from(`<r><a>${text}</a></r>`)),
  anyText.map((text) => Buffer.from(`--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n${text}\r\n--b--`)),
);
const targets = anyText.map((text) => `/mvapireq/?apientry=x&${text}`);

suite("any bytes", () => {
  test("are decoded or refused with words for the caller, and the format of a refusal is known", () =>
    fc.assert(
      fc.asyncProperty(targets, bodies, fc.constantFrom(...types), async (target, body, contentType) => {
        const incoming = { peer, target, body, contentType };
        const cause = await (async () => decode(incoming, settings))().catch((error: unknown) => error);
        if (cause instanceof Error) assert.ok(cause instanceof ApiError, cause.stack);
        encode({ ok: false, text: "failed: x" }, { ...formatOf(incoming), entry: "", peer }, settings);
      }),
      { numRuns: 500 },
    ));
  test("come back as they were from a query whose values are encoded", () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string({ unit: "grapheme" }))), (pairs) => {
        const read: [string, string][] = [];
        const query = pairs
          .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
          .join("&");
        readQuery(query, (name, value) => read.push([name, value]));
        assert.deepEqual(read, pairs);
      }),
    ));
  test("that are text can be hidden and opened again, and the blob needs no encoding", () =>
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), fc.string({ minLength: 1 }), (text, key) => {
        const blob = hide(text, key);
        assert.ok(isBlob(blob));
        assert.equal(encodeURIComponent(blob), blob);
        assert.equal(reveal(blob, key), text);
      }),
    ));
  test("are cut into the same lines however they arrive", () =>
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r\n") }),
        fc.integer({ min: 1, max: 5 }),
        (text, size) => {
          const lines: string[] = [];
          const splitter = new Splitter({
            line: (bytes) => lines.push(bytes.toString()),
            limit: () => 1000,
            tooLong: () => assert.fail("no line is too long"),
          });
          for (let at = 0; at < text.length; at += size) splitter.write(Buffer.from(text.slice(at, at + size)));
          splitter.end();
          const expected = text.split("\n").map((line) => line.replace(/\r$/, ""));
          if (expected.at(-1) === "") expected.pop();
          assert.deepEqual(lines, expected);
        },
      ),
    ));
  test("in an answer leave XML well formed, with the text in its place", () =>
    fc.assert(
      fc.property(anyText, anyText, fc.constantFrom<AnswerFormat>("xml", "soap"), (text, column, format) => {
        const answer = { ok: true, text, columns: [column], rows: [{ [column]: text }] };
        parseXml(encode(answer, { format, entry: "x", peer }, settings).body.toString());
      }),
    ));
});
