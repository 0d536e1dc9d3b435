/** The log: lines from the end, whatever the lengths; rotation; what is never written. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { Folder } from "../engine/files/folder.js";
import { linesFromEnd } from "../engine/files/lines.js";
import { makeLog } from "../engine/log.js";
import { LogFiles } from "../engine/log-files.js";
import { freshSqlite } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

async function temporary(t: { after(fn: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tbapi-log-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function linesBack(folder: string, name: string): Promise<string[]> {
  const file = await new Folder(folder).open(name);
  const lines: string[] = [];
  for await (const line of linesFromEnd(file)) lines.push(line);
  await file.handle.close();
  return lines;
}

test("the lines from the end are the lines, in reverse, across blocks of any lengths", async (t) => {
  const folder = await temporary(t);
  const line = fc.oneof(
    fc.string({ maxLength: 5 }),
    fc.constantFrom("", "é".repeat(30_000), "a".repeat(65_535), "b".repeat(65_536), "c".repeat(32_768)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.constantFrom("", "\n", "\n\n"), async (lines, end) => {
      const written = lines.map((text) => text.replaceAll("\n", ""));
      await writeFile(join(folder, "x.log"), written.join("\n") + end);
      assert.deepEqual(await linesBack(folder, "x.log"), written.filter((text) => text !== "").reverse());
    }),
    { numRuns: 60 },
  );
});

test("a line that never ends is cut", async (t) => {
  const folder = await temporary(t);
  await writeFile(join(folder, "x.log"), `first\n${"x".repeat(1_000_000)}`);
  const [long, first] = await linesBack(folder, "x.log");
  assert.deepEqual([long?.length, first], [65_536, "first"]);
});

test("a log that can't be written ends nothing, and its lines come when it can", async (t) => {
  const folder = await temporary(t);
  await symlink("/dev/full", join(folder, "main.log"));
  const files = new LogFiles(folder);
  const log = makeLog("info", undefined, files);
  const text = "x".repeat(1_000_000);
  for (let line = 0; line < 8; line += 1) log.info({ line }, text);
  await unlink(join(folder, "main.log"));
  files.stream.reopen();
  for (const line of [8, 9]) log.info({ line }, "short");
  const lines = (await readFile(join(folder, "main.log"), "utf8")).match(/"line":\d/g);
  assert.deepEqual(
    lines,
    [0, 1, 2, 3, 8, 9].map((line) => `"line":${line}`),
  );
});

test("a log that grows begins new files by itself, keeps a number of them, and loses no line", async (t) => {
  const folder = await temporary(t);
  const files = new LogFiles(folder);
  const log = makeLog("info", undefined, files);
  const text = "x".repeat(1_000_000);
  for (let line = 0; line < 40; line += 1) log.info({ line }, text);
  assert.equal((await readdir(folder)).length, 3);
  const all = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")));
  assert.equal(all.join("").match(/"line":/g)?.length, 40);
  for (let round = 0; round < 25; round += 1) {
    files.rotate();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.equal((await readdir(folder)).length, 21);
});

test("a log that somebody else has moved goes on in a new file", async (t) => {
  const folder = await temporary(t);
  const log = makeLog("info", undefined, new LogFiles(folder));
  await rm(join(folder, "main.log"));
  for (let line = 0; line < 20; line += 1) log.info({ line }, "x".repeat(1_000_000));
  assert.match(await readFile(join(folder, "main.log"), "utf8"), /"line":19/);
});

test("secrets never reach the files", async (t) => {
  const folder = await temporary(t);
  const log = makeLog("info", undefined, new LogFiles(folder));
  log.info({ authpwd: "secret-1", params: { password: "secret-2", pin: "secret-3" } }, "a request");
  const text = await readFile(join(folder, "main.log"), "utf8");
  assert.doesNotMatch(text, /secret/);
  assert.match(text, /"authpwd":"\*\*\*"/);
});

test("a folder that can't be written ends the start with words that name it", async (t) => {
  const folder = await temporary(t);
  await writeFile(join(folder, "file"), "");
  assert.throws(() => new LogFiles(join(folder, "file")), /TBAPI_LOGFOLDER must be a folder/);
});

test("the entries of the log", async (t) => {
  let server: TestServer;
  const ask = (entry: string, params: Record<string, string> = {}) => server.get(entry, as(ADMIN.username, params));
  before(async () => {
    server = await startTestServer(await freshSqlite());
  });
  after(() => server.stop());

  await t.test("signs that end a line or hide it are made harmless", async () => {
    await ask("log", { txt: 'one\r\n{"level":60}\u2028two\u202ethree\u0007' });
    const lines = (await ask("showlog", { lines: "1" })).split("\n");
    assert.match(lines.at(-1) ?? "", /"by":"admin","msg":"one {2}\{\\\\"level\\\\":60\} two three "\}$/);
  });

  await t.test("another program's log is shown where it is, and its name is one of a list", async () => {
    await writeFile(join(server.folder, "log/sip.log"), "INVITE\nBYE\n");
    assert.equal(await ask("showlog", { name: "sip", lines: "2" }), "OK: 2 rows\nline\nINVITE\nBYE");
    assert.match(await ask("showlog", { name: "../files/x" }), /^ERROR: wrong parameter: name/);
  });

  await t.test("a search finds the latest lines in all files, in their order", async () => {
    for (const txt of ["Trunk A down", "trunk a up"]) await ask("log", { txt });
    await ask("logrename");
    await ask("log", { txt: "TRUNK A down again" });
    const found = await ask("logsearch", { txt: "trunk a", lines: "2" });
    assert.match(found, /^OK: 2 rows\nline\n.*trunk a up.*\n.*TRUNK A down again/);
    assert.match(await ask("logsearch", { txt: "trunk.a" }), /^OK: 0 rows/, "a dot is a dot");
  });

  await t.test("a log that was moved away goes on after logrename, which tells it", async () => {
    await rm(join(server.folder, "log/main.log"));
    assert.match(await ask("logrename"), /^ERROR: not found: main\.log was moved by somebody else/);
    await ask("log", { txt: "it goes on" });
    assert.match(await ask("showlog", { lines: "1" }), /it goes on/);
  });

  await t.test("a server whose log goes elsewhere says so", async (own) => {
    const bare = await startTestServer(await freshSqlite(), { TBAPI_LOGFOLDER: "", TBAPI_LOGLEVEL: "silent" });
    own.after(() => bare.stop());
    const answers = await Promise.all(
      ["showlog", "logrename", "log"].map((entry) => bare.get(entry, as(ADMIN.username, { txt: "x" }))),
    );
    for (const answer of answers) assert.match(answer, /^ERROR: not configured: set TBAPI_LOG(FOLDER|LEVEL) to /);
  });
});
