/** Folders whose files callers name: names that want out of them, links, and what is replaced meanwhile. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { ApiError } from "../engine/errors.js";
import { Folder } from "../engine/files/folder.js";
import { partsOf } from "../engine/files/names.js";

const HOSTILE = [
  "",
  ".",
  "..",
  "../x",
  "a/../x",
  "a/../../x",
  "a/./x",
  "a//x",
  "/etc/passwd",
  "a/",
  "..\\x",
  "C:\\x",
  "C:x",
  "%2e%2e/x",
  "%2e%2e%2fx",
  "a%2f..%2fx",
  "%5c..%5cx",
  "%00x",
  "%zz",
  "x\0.txt",
  "x\n.txt",
  "x\u202etxt",
  ".htaccess",
  "a/.ssh/x",
  " x",
  "x ",
  "x.",
  "...",
  "a*b",
  "a?b",
  "a|b",
  '"x"',
  "x".repeat(201),
  "é".repeat(101),
  "a/b/c/d/e/f/g/h/i",
];

const GOOD = ["x", "a/b.txt", "Árvíz tűrő.wav", "sample-1%40192.0.2.1.wav", "a b,c;d+e=f.txt", "a/b/c/d/e/f/g/h"];

async function emptyFolder(t: { after(fn: () => Promise<void>): void }) {
  const path = await mkdtemp(join(tmpdir(), "tbapi-folder-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  await mkdir(join(path, "root"));
  return { path, root: join(path, "root"), folder: new Folder(join(path, "root")) };
}

const classOf = (expected: string) => (cause: unknown) =>
  cause instanceof ApiError ? assert.equal(cause.errorClass, expected) === undefined : assert.fail(String(cause));

test("a name that is more than a plain relative one is refused, read or written", async (t) => {
  const { path, folder } = await emptyFolder(t);
  for (const name of HOSTILE) {
    await assert.rejects(folder.open(name), classOf("wrong parameter"), name);
    await assert.rejects(folder.write(name, Buffer.from("x")), classOf("wrong parameter"), name);
  }
  assert.deepEqual(await readdir(path, { recursive: true }), ["root"]);
});

test("plain names come back as they went, in folders that are made for them, and can't be executed", async (t) => {
  const { root, folder } = await emptyFolder(t);
  for (const name of GOOD) {
    await folder.write(
      name === "a/b.txt" ? "a/b.txt" : `g/${name}`.split("/").slice(0, 8).join("/"),
      Buffer.from(name),
    );
  }
  assert.equal((await folder.read("a/b.txt", 100)).toString(), "a/b.txt");
  const { mode } = await stat(join(root, "a/b.txt"));
  assert.equal(mode & 0o117, 0);
  assert.deepEqual(
    (await readdir(root, { recursive: true })).filter((name) => /(^|\/)\./.test(name)),
    [],
    "no temporary file is left",
  );
});

test("whatever parts a name is taken into, joined they are the name, and none leads up", () =>
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab./\\%2e5c:\0 ~") }), (name) => {
      try {
        const parts = partsOf(name);
        assert.equal(parts.join("/"), name);
        assert.ok(parts.every((part) => !part.startsWith(".") && !part.includes("\\")));
      } catch (cause) {
        assert.ok(cause instanceof ApiError);
      }
    }),
  ));

test("no link is followed: neither as the file, nor as a folder on the way, nor to write through", async (t) => {
  const { path, root, folder } = await emptyFolder(t);
  await mkdir(join(path, "outside"));
  await writeFile(join(path, "outside/secret"), "secret");
  await symlink(join(path, "outside"), join(root, "way"));
  await symlink(join(path, "outside/secret"), join(root, "link"));
  for (const name of ["way/secret", "link"]) await assert.rejects(folder.open(name), classOf("not found"), name);
  await assert.rejects(folder.write("way/secret", Buffer.from("x")), classOf("not found"));
  await assert.rejects(folder.write("link", Buffer.from("x")), classOf("conflict"));
  assert.equal(await readFile(join(path, "outside/secret"), "utf8"), "secret");
  assert.deepEqual(
    (await folder.list()).map(({ name }) => name),
    [],
  );
});

test("a folder that turns into a link and back all the time never leads out", async (t) => {
  const { path, root, folder } = await emptyFolder(t);
  await mkdir(join(path, "outside"));
  await writeFile(join(path, "outside/file"), "outside");
  await mkdir(join(path, "inside"));
  await writeFile(join(path, "inside/file"), "inside");
  await symlink(join(path, "outside"), join(path, "trap"));
  await rename(join(path, "inside"), join(root, "way"));
  const way = join(root, "way");
  // In the gap between two renames a write makes the folder anew.
  const place = async (from: string): Promise<void> =>
    rename(from, way).catch(async () => {
      await rm(way, { recursive: true, force: true });
      await place(from);
    });
  let turning = true;
  const turns = (async () => {
    while (turning) {
      await rename(way, join(path, "inside"));
      await place(join(path, "trap"));
      await rename(way, join(path, "trap"));
      await place(join(path, "inside"));
    }
  })();
  const seen = new Set<string>();
  for (let round = 0; round < 2000; round += 1) {
    seen.add(await folder.read("way/file", 100).then(String, (cause: ApiError) => cause.errorClass));
    if (round % 10 === 0) await folder.write("way/written", Buffer.from("x")).catch(() => undefined);
  }
  turning = false;
  await turns;
  assert.ok(!seen.has("outside"), "the file outside was read");
  assert.ok(seen.has("inside"), "the file inside was read at times");
  assert.deepEqual(await readdir(join(path, "outside")), ["file"]);
});

test("what is no file is none, and a file is replaced at once", async (t) => {
  const { root, folder } = await emptyFolder(t);
  await mkdir(join(root, "sub"));
  await assert.rejects(folder.open("sub"), classOf("not found"));
  await assert.rejects(folder.write("sub", Buffer.from("x")), classOf("conflict"));
  await folder.write("file", Buffer.from("first"));
  await assert.rejects(folder.open("file/x"), classOf("not found"));
  const { handle } = await folder.open("file");
  await folder.write("file", Buffer.from("second"));
  assert.equal(await handle.readFile("utf8"), "first", "who is reading keeps the old file");
  await handle.close();
  assert.equal(String(await folder.read("file", 100)), "second");
  await assert.rejects(folder.read("file", 3), classOf("failed"));
});
