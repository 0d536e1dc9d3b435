/** Files as entries take and answer them: owners, sizes, and how bytes go out over each transport. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readlink, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";
import { request, TRANSPORTS } from "./wire-server.js";

const admin = (extra: Record<string, string> = {}) => as(ADMIN.username, extra);

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

  test("an area without a folder says which option to set", async (t) => {
    const bare = await startTestServer(await fresh(), { TBAPI_FILESROOT: "", TBAPI_FILESTORAGE: "" });
    t.after(() => bare.stop());
    const answers = [
      await bare.get("getfile", admin({ filename: "x" })),
      await bare.get("pgetfile", as("alice", { filename: "x" })),
    ];
    assert.deepEqual(answers, [
      "ERROR: not configured: set filesroot to the folder of these files",
      "ERROR: not configured: set filestorage to the folder of these files",
    ]);
  });
});
