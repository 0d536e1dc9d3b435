/** Ini files: what is set is read again, and nothing else changes. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { ApiError } from "../engine/errors.js";
import { iniKeys, iniValue, withIniValue } from "../engine/files/ini.js";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

const TEXT = "; head\r\nloose=0\r\n\r\n[One]\r\n  Key = old ; kept\r\n# note\r\n\r\n[two]\r\nkey=2\r\n";

for (const [title, key, expected] of [
  ["a value is replaced in its place", ["one", "key", "new"], TEXT.replace("old ; kept", "new")],
  ["a new key follows its section's last line", ["one", "b", "1"], TEXT.replace("# note\r\n", "# note\r\nb=1\r\n")],
  ["a new section stands at the end", ["three", "b", "1"], `${TEXT}[three]\r\nb=1\r\n`],
  ["a value may hold what means something elsewhere", ["two", "key", "[x]=y;z"], TEXT.replace("key=2", "key=[x]=y;z")],
] as const)
  test(title, () => {
    const [section, name, value] = key;
    const changed = withIniValue(TEXT, { section, key: name, value });
    assert.equal(changed, expected);
    assert.equal(iniValue(changed, section.toUpperCase(), name.toUpperCase()), value);
  });

test("a line of blanks takes no longer than another", () => {
  const blanks = " ".repeat(1_000_000);
  const values = [`a${blanks}b`, `a=${blanks}b${blanks}c`, `a${blanks}=b`].map(
    (line) => iniValue(line, "", "a")?.length,
  );
  assert.deepEqual(values, [undefined, 1_000_002, 1]);
});

test("whatever is set is read again, beside all that was there before", () => {
  const sign = fc.constantFrom(..."ab =[];#\n\r\t$1&é.");
  const text = fc.string({ unit: sign, maxLength: 6 });
  fc.assert(
    fc.property(fc.string({ unit: sign, maxLength: 60 }), text, text, text, (before, section, key, value) => {
      let changed: string;
      try {
        changed = withIniValue(before, { section, key, value });
      } catch (cause) {
        assert.ok(cause instanceof ApiError);
        return;
      }
      assert.equal(iniValue(changed, section, key), value.trim());
      const others = (of: string) =>
        iniKeys(of).filter(
          (it) => it.section.toLowerCase() !== section.toLowerCase() || it.key.toLowerCase() !== key.toLowerCase(),
        );
      assert.deepEqual(others(changed), others(before));
    }),
    { numRuns: 2000 },
  );
});

eachDatabase("ini files", (fresh) => {
  let server: TestServer;
  const ask = (entry: string, params: Record<string, string> = {}) => server.get(entry, as(ADMIN.username, params));
  const file = (name: string) => join(server.folder, "files", name);
  before(async () => {
    server = await startTestServer(await fresh());
  });
  after(() => server.stop());

  test("changes at the same time are all in the file", async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => ask("setini", { section: "s", key: `k${at}`, value: String(at) })),
    );
    assert.equal(iniKeys(await readFile(file("server.ini"), "utf8")).length, 20);
  });

  test("a file that is not UTF-8 is read, and what the table changes is written with its comments kept", async () => {
    await writeFile(file("old.ini"), Buffer.from("; k\xe9k\n[s]\na=\xe9\n", "latin1"));
    assert.equal(await ask("getini", { section: "s", key: "a", file: "old.ini" }), "OK: é");
    assert.equal(await ask("loadinifiles", { file: "old.ini" }), "OK: 1 keys of 1 files loaded");
    await ask("db", { sql: "update tb_inikeys set val = 'x', saved = 0 where file = 'old.ini'" });
    assert.equal(await ask("saveinifiles"), "OK: 1 keys written to 1 files");
    assert.equal(await readFile(file("old.ini"), "utf8"), "; kék\n[s]\na=x\n");
  });

  test("savesettings writes what is set, and never a secret", async () => {
    await ask("db", { sql: "insert into tb_settings (name, val) values ('maxrows', '50'), ('sqltimeout', '5000')" });
    await ask("db", { sql: "insert into tb_settings (name, val) values ('httpapiencryptkey', 'very-secret')" });
    assert.match(await ask("savesettings"), /^OK: \d+ settings written/);
    const text = await readFile(file("settings.ini"), "utf8");
    assert.equal(iniValue(text, "settings", "maxrows"), "50");
    assert.equal(iniValue(text, "settings", "sqltimeout"), undefined, "it is at its default");
    assert.doesNotMatch(text, /secret/);
  });
});
