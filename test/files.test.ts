/** Files: names that want out of their folder, links, owners, sizes, and how bytes go out over each transport. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { ApiError } from "../engine/errors.js";
import { Folder } from "../engine/storage/folder.js";
import { partsOf } from "../engine/storage/names.js";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";
import { request, TRANSPORTS } from "./wire-server.js";

const admin = (extra: Record<string, string> = {}) => as(ADMIN.username, extra);

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

eachDatabase("files", (fresh) => {
  let server: TestServer;
  const target = (entry: string, params: Record<string, string>) =>
    `/mvapireq/?${new URLSearchParams({ apientry: entry, ...params })}`;
  const set = async (name: string, value: string) => {
    const { database, settings } = server.engine.services;
    await database.run({ text: "delete from tb_settings where name = ?", values: [name] });
    await database.run({ text: "insert into tb_settings (name, val) values (?, ?)", values: [name, value] });
    await settings.reload();
  };
  before(async () => {
    server = await startTestServer(await fresh(), { TBAPI_HTTPAPIENCRYPTKEY: "secret", TBAPI_UDPMAXANSWER: "1490" });
  });
  after(() => server.stop());

  test("each transport answers a file: as it is over HTTP, as base64 elsewhere", async () => {
    const bytes = Buffer.from([0, 1, 2, 255, 254, 13, 10, 61]);
    await server.get("putfile", admin({ filename: "a.bin", filedata: bytes.toString("base64") }));
    for (const [name, ask] of Object.entries(TRANSPORTS)) {
      if (["https", "tls", "wss"].includes(name)) continue;
      const answer = await ask(server.running.ports.port, target("getfile", admin({ filename: "a.bin" })));
      if (name !== "http") assert.equal(answer, `OK: ${bytes.toString("base64")}`, name);
      else assert.equal(answer, bytes.toString());
    }
  });

  for (const [name, type] of [
    ["a.csv", /^text\/csv/],
    ["a.html", /^text\/html/],
    ["a.mp3", /^audio\/mpeg$/],
    ["a", /^application\/octet-stream$/],
    ["html", /^application\/octet-stream$/],
  ] as const)
    test(`HTTP tells the type of ${name}, the length, and to keep it`, async () => {
      await server.get("putfile", admin({ filename: name, filedata: "SGVsbG8=" }));
      for (const format of ["text", "xml", "html"]) {
        const path = target("getfile", admin({ filename: name, format }));
        const { headers, body, status } = await request(server.running.ports.port, { path });
        assert.match(String(headers["content-type"]), type);
        assert.deepEqual([status, body, headers["content-length"]], [200, "Hello", "5"]);
        assert.equal(headers["content-disposition"], `attachment; filename="${name}"`);
        assert.equal(headers["x-content-type-options"], "nosniff");
      }
      const path = target("getfile", admin({ filename: name }));
      const head = await request(server.running.ports.port, { path, method: "HEAD" });
      assert.deepEqual([head.body, head.headers["content-length"]], ["", "5"]);
    });

  test("a name with other signs stands safely in the header, and an empty file is answered", async () => {
    await server.get("putfile", admin({ filename: "Őr; 'x'.txt", filedata: "" }));
    const path = target("getfile", admin({ filename: "Őr; 'x'.txt" }));
    const { headers, body } = await request(server.running.ports.port, { path });
    assert.match(String(headers["content-disposition"]), /^attachment; filename="[^"]*"; filename\*=UTF-8''%C5%90r/);
    assert.deepEqual([body, headers["content-length"]], ["", "0"]);
  });

  test("a failure is answered in the format that was asked for", async () => {
    const ask = (format: string) => server.get("getfile", admin({ filename: "nosuch", format }));
    assert.equal(await ask("text"), "ERROR: not found: there is no such file");
    assert.match(await ask("xml"), /<code>499<\/code>.*not found/);
    assert.match(await ask("json"), /"code":499/);
    assert.match(await server.get("getfile", admin({ filename: "a.csv", format: "soap" })), /<text>OK: SGVsbG8=</);
  });

  test("a file that is longer than memory should hold goes out in pieces; as text it is refused", async () => {
    const block = randomBytes(1_048_576);
    const path = join(server.folder, "files/long.bin");
    await writeFile(path, block);
    await truncate(path, 300 * block.length);
    const before = process.memoryUsage().rss;
    let most = 0;
    let length = 0;
    const response = await fetch(server.url + target("getfile", admin({ filename: "long.bin" })));
    assert.ok(response.body);
    for await (const chunk of response.body) {
      length += chunk.length;
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    assert.equal(length, 300 * block.length);
    assert.ok(most < 200 * block.length, `${most} bytes more were in use`);
    const refused = await server.get("getfile", admin({ filename: "long.bin", format: "json" }));
    assert.match(refused, /"code":499.*ERROR: failed: the file is longer than 1048576 bytes/);
  });

  test("who goes away in the middle leaves no open file behind, and the connection of who stays goes on", async () => {
    const open = async () =>
      (
        await Promise.all((await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")))
      ).filter((path) => path.startsWith(server.folder));
    for (let round = 0; round < 5; round += 1) {
      const abort = new AbortController();
      const response = await fetch(server.url + target("getfile", admin({ filename: "long.bin" })), {
        signal: abort.signal,
      });
      await response.body?.getReader().read();
      abort.abort();
    }
    while ((await open()).some((path) => path.includes("long.bin"))) await new Promise(setImmediate);
    assert.equal(await server.get("getfile", admin({ filename: "a.csv" })), "Hello");
  });

  test("what is no base64 to the letter is refused, also what is too long for the server", async () => {
    for (const filedata of ["a", "YQ", "YQ==\n", " YQ==", "YQ=", "Y-_=", "YR==", "YQ==YQ=="])
      assert.match(
        await server.get("putfile", admin({ filename: "bad.txt", filedata })),
        /^ERROR: wrong parameter: filedata/,
      );
    assert.match(await server.get("putfile", admin({ filename: "bad.txt" })), /^ERROR: wrong parameter: filedata/);
    await set("maxfilesize", "4");
    assert.match(
      await server.get("putfile", admin({ filename: "bad.txt", filedata: "SGVsbG8=" })),
      /^ERROR: wrong parameter: a file may have 4 bytes at most/,
    );
    await set("maxfilesize", "1000");
  });

  test("the public storage: owners, capitals, administrators, and the quota of one user", async () => {
    const put = (user: string, filename: string, filedata = "SGVsbG8=") =>
      server.get("pputfile", as(user, { filename, filedata }));
    assert.match(await put("alice", "hers"), /^OK/);
    assert.match(await put("bob", "hers"), /^ERROR: conflict: this file belongs/);
    assert.match(await put("alice", "HERS"), /^ERROR: conflict: a file whose name differs only/);
    assert.match(await put(ADMIN.username, "hers", "eA=="), /^OK/);
    assert.match(await put("alice", "hers"), /^OK/, "what an administrator replaced stays hers");
    await writeFile(join(server.folder, "storage/notice.txt"), "by hand");
    assert.match(await put("alice", "notice.txt"), /^ERROR: conflict/, "a file without an owner is the server's");
    await set("filestoragequota", "12");
    assert.match(await put("alice", "second"), /^OK/);
    assert.match(await put("alice", "third"), /^ERROR: failed: the files of one user may take 12 bytes/);
    assert.match(await put("alice", "second", "eHh4eHh4eA=="), /^OK/, "its old size doesn't count");
    const all = await Promise.all(Array.from({ length: 8 }, (_, at) => put("bob", `b${at}`)));
    assert.equal(all.filter((answer) => answer.startsWith("OK")).length, 2, "at the same time no more fit in");
    assert.equal(await server.get("pgetfile", as("bob", { filename: "hers" })), "Hello");
  });

  test("a file that can't be written leaves the booking of the one before", async () => {
    await set("filestoragequota", "1000");
    const put = (filename: string) => server.get("pputfile", as("carol", { filename, filedata: "SGVsbG8=" }));
    assert.match(await put("kept"), /^OK/);
    await rm(join(server.folder, "storage/kept"));
    await mkdir(join(server.folder, "storage/kept"));
    assert.match(await put("kept"), /^ERROR: conflict/);
    assert.match(await put("kept/below"), /^OK/);
    const { rows } = await server.engine.services.database.run({
      text: "select name, size from tb_files where userid = 1003 order by name",
      values: [],
    });
    assert.deepEqual(rows, [
      { name: "kept", size: 5 },
      { name: "kept/below", size: 5 },
    ]);
  });

  test("an area without a folder says which option to set", async () => {
    const bare = await startTestServer(await fresh(), { TBAPI_FILESROOT: "", TBAPI_FILESTORAGE: "" });
    const answers = [
      await bare.get("getfile", admin({ filename: "x" })),
      await bare.get("pgetfile", as("alice", { filename: "x" })),
    ];
    await bare.stop();
    assert.deepEqual(answers, [
      "ERROR: not configured: set filesroot to the folder of these files",
      "ERROR: not configured: set filestorage to the folder of these files",
    ]);
  });
});
