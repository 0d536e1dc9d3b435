/** The parts of access that need no database: digests, sealed passwords, address lists. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { contains, parseAddress, parseAddressList, readAddressTexts } from "../engine/admit/address-list.js";
import { matchDigest } from "../engine/admit/digest.js";
import { loadSealKey, makePasswords } from "../engine/admit/seal.js";
import { makeLog } from "../engine/log.js";

const log = makeLog("silent");

const casesOf = <T>(file: string): T[] =>
  parse(readFileSync(new URL(`../../test/cases/access/${file}`, import.meta.url), "utf8"));

interface DigestCase {
  title: string;
  digest: string;
  is: "plain" | "nonce" | "none";
  name?: string;
  password?: string;
  salt1?: string;
  nonce?: string;
  replayable?: boolean;
}

describe("digests", () => {
  for (const { title, digest, is, ...about } of casesOf<DigestCase>("digests.yaml"))
    test(`${title}: ${is}`, () => {
      const { name = "alice", password = "pässwörd", salt1 = "7a", nonce = "", replayable = false } = about;
      const match = matchDigest(
        { digest, name, salt1, salt2: "b", nonce },
        { username: "alice", password },
        "salt",
        replayable,
      );
      assert.equal(match ?? "none", is);
    });
});

describe("sealed passwords", () => {
  const passwords = makePasswords(Buffer.alloc(32, 1), log);
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 });

  test("what was sealed is opened again, under a text that is another each time", () => {
    fc.assert(
      fc.property(text, (clear) => {
        const [one, other] = [passwords.seal(clear), passwords.seal(clear)];
        assert.notEqual(one, other);
        assert.ok(passwords.isSealed(one) && passwords.matches(one, clear));
        // Afresh, since the one that sealed it may remember.
        assert.equal(makePasswords(Buffer.alloc(32, 1), log).open(other), clear);
      }),
    );
  });

  test("only the password itself matches", () => {
    fc.assert(
      fc.property(text, text, (clear, other) => {
        assert.equal(passwords.matches(passwords.seal(clear), other), clear === other);
      }),
    );
  });

  test("one changed character makes it unreadable", () => {
    const sealed = passwords.seal("alice-sample");
    for (let at = "sealed1:".length; at < sealed.length - 1; at += 1) {
      const changed = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
      assert.equal(passwords.open(changed), undefined, `at ${at}`);
    }
    for (const cut of ["sealed1:", "sealed1:AAAA", sealed.slice(0, 30)]) assert.equal(passwords.open(cut), undefined);
  });

  test("another key opens nothing, and an unreadable password matches nothing", () => {
    const sealed = makePasswords(Buffer.alloc(32, 2), log).seal("secret");
    assert.equal(passwords.open(sealed), undefined);
    for (const guess of ["secret", "", "undefined", sealed]) assert.equal(passwords.matches(sealed, guess), false);
  });

  test("a clear password of another system is itself, and an empty one matches nothing", () => {
    assert.equal(passwords.open("clear"), "clear");
    assert.ok(passwords.matches("clear", "clear"));
    assert.equal(passwords.matches("", ""), false);
    assert.equal(passwords.matches(passwords.seal(""), ""), false);
  });

  test("equal PINs have equal hashes under one key only", () => {
    assert.equal(passwords.pinHash("123456"), passwords.pinHash("123456"));
    assert.notEqual(passwords.pinHash("123456"), passwords.pinHash("123457"));
    assert.notEqual(passwords.pinHash("123456"), makePasswords(Buffer.alloc(32, 2), log).pinHash("123456"));
  });
});

describe("the key of sealed passwords", () => {
  const folder = mkdtempSync(join(tmpdir(), "tbapi-seal-"));
  after(() => rmSync(folder, { recursive: true }));

  test("the first start makes a file that only its owner may read, the next ones read it", () => {
    const file = join(folder, "deep", "seal.key");
    const key = loadSealKey({ TBAPI_SEALKEYFILE: file }, log);
    assert.equal(key.length, 32);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(loadSealKey({ TBAPI_SEALKEYFILE: file }, log), key);
    chmodSync(file, 0o644);
    assert.deepEqual(loadSealKey({ TBAPI_SEALKEYFILE: file }, log), key);
  });

  test("the environment's key comes first", () => {
    assert.deepEqual(
      loadSealKey({ TBAPI_SEALKEY: "ab".repeat(32), TBAPI_SEALKEYFILE: "/nowhere/x" }, log),
      Buffer.alloc(32, 0xab),
    );
  });

  test("a malformed key stops the start and is not told", () => {
    const file = join(folder, "bad.key");
    writeFileSync(file, "notakey");
    assert.throws(() => loadSealKey({ TBAPI_SEALKEYFILE: file }, log), /bad\.key must hold 64 hex digits$/);
    assert.throws(() => loadSealKey({ TBAPI_SEALKEY: "abc" }, log), /^Error: TBAPI_SEALKEY must hold 64 hex digits$/);
  });
});

interface AddressCase {
  item: string;
  in?: string[];
  out?: string[];
  wrong?: true;
}

describe("address lists", () => {
  const has = (item: string, text: string): boolean => {
    const address = parseAddress(text);
    assert.ok(address);
    return contains(parseAddressList("trustediplist", [item]), address);
  };
  for (const { item, wrong, ...texts } of casesOf<AddressCase>("addresses.yaml"))
    test(wrong ? `'${item}' is named as no address` : `'${item}'`, () => {
      if (wrong) assert.throws(() => parseAddressList("trustediplist", [item]), /^Error: option trustediplist: '/);
      for (const text of texts.in ?? []) assert.ok(has(item, text), text);
      for (const text of texts.out ?? []) assert.ok(!has(item, text), text);
    });

  test("texts of the database may hold several items, ports, and words that are passed over", () => {
    const list = readAddressTexts(["", "10.0.0.1:5060, office", "10.0.1.0/24;10.0.2.1-10.0.2.3"]);
    const inside = ["10.0.0.1", "10.0.1.9", "10.0.2.2", "10.0.0.2"].filter((text) => {
      const address = parseAddress(text);
      return address !== undefined && contains(list, address);
    });
    assert.deepEqual(inside, ["10.0.0.1", "10.0.1.9", "10.0.2.2"]);
  });
});
