/** What a connection may use up, and what is served from a folder. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { WebSocket } from "ws";
import { connect, exchange, request, startWire, TRANSPORTS, type Wire } from "./wire-server.js";

let wire: Wire;
before(async () => {
  wire = await startWire();
});
after(() => wire.drain());

const echo = async (): Promise<string> => (await request(wire.port, { path: "/mvapireq/?apientry=echo&txt=a" })).body;

suite("sizes", () => {
  test("a body past maxrequest is refused by its declared length, before it is sent", async () => {
    wire.set({ maxrequest: "2000" });
    const head = "POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2001\r\n\r\n";
    const answer = await exchange(connect(wire.port), [head]);
    assert.match(answer, /^HTTP\/1\.1 413 [\s\S]*Connection: close[\s\S]*ERROR: wrong parameter: [\s\S]*2000 bytes$/);
    wire.set({});
  });
  test("a body past maxrequest in chunks is refused as soon as it is too long", async () => {
    wire.set({ maxrequest: "2000" });
    const head = "POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    const answer = await exchange(connect(wire.port), [head, `800\r\n${"x".repeat(2048)}\r\n`]);
    assert.match(answer, /^HTTP\/1\.1 413 /);
    wire.set({});
  });
  test("a body of exactly maxrequest is taken", async () => {
    wire.set({ maxrequest: "2000" });
    const body = "apientry=echo&txt=".padEnd(2000, "x");
    const { status } = await request(wire.port, { path: "/mvapireq/", method: "POST", body });
    assert.equal(status, 200);
    wire.set({});
  });
  test("an HTTP head past maxline is refused", async () => {
    const { status } = await request(wire.port, { path: `/mvapireq/?a=${"x".repeat(70_000)}` });
    assert.equal(status, 431);
  });
  test("a line past maxline is refused behind the answers before it, and the connection is closed", async () => {
    wire.set({ maxline: "1024" });
    for (const end of ["", "\n"]) {
      const answer = await exchange(connect(wire.port), [`apientry=slow&ms=5&txt=a\n${"x".repeat(1025)}${end}`]);
      assert.match(answer, /^OK: a\nERROR: wrong parameter: the line is longer than maxline allows\n$/);
    }
    wire.set({});
  });
  test("an answer past udpmaxanswer is an error that fits", async () => {
    wire.set({ udpmaxanswer: "100" });
    const target = (txt: string) => `/mvapireq/?apientry=echo&txt=${txt}`;
    assert.equal(await TRANSPORTS["udp"]?.(wire.port, target("x".repeat(96))), `OK: ${"x".repeat(96)}`);
    const tooLong = await TRANSPORTS["udp"]?.(wire.port, target("x".repeat(97)));
    assert.match(tooLong ?? "", /^ERROR: failed: .*use TCP$/);
    wire.set({});
  });
  test("packets that are empty or no text get no answer", async () => {
    const before = wire.taken();
    const socket = createSocket("udp4");
    for (const packet of ["", "\r\n", Buffer.from([0xff, 0xfe])]) socket.send(packet, wire.port, "127.0.0.1");
    socket.send("apientry=echo&txt=last", wire.port, "127.0.0.1");
    const [answer] = (await once(socket, "message")) as [Buffer];
    assert.equal(answer.toString(), "OK: last");
    assert.equal(wire.taken(), before + 1);
    socket.close();
  });
});

suite("time", () => {
  test("a connection that doesn't say what it is, a line and a head that don't end are cut off", async () => {
    wire.set({ requesttimeout: "1" });
    await Promise.all(
      ["", "GE", "apientry=echo", "GET /mvapireq/?apientry=echo HTTP/1.1\r\nHost: x\r\n"].map(async (text) => {
        const socket = connect(wire.port);
        const closed = exchange(socket, [text]);
        const dripping = setInterval(() => socket.write("x"), 100);
        const answer = await closed;
        clearInterval(dripping);
        assert.doesNotMatch(answer, /200/, text);
      }),
    );
    wire.set({});
  });
  test("a silent connection is closed after idletimeout, and a WebSocket that answers pings is not", async () => {
    wire.set({ idletimeout: "1" });
    const silent = new WebSocket(`ws://127.0.0.1:${wire.port}/mvstwebsock`, { autoPong: false });
    const alive = new WebSocket(`ws://127.0.0.1:${wire.port}/mvstwebsock`);
    const line = exchange(connect(wire.port), ["apientry=echo&txt=a\n"]);
    const page = exchange(connect(wire.port), ["GET /mvapireq/?apientry=echo HTTP/1.1\r\nHost: x\r\n\r\n"]);
    await Promise.all([once(alive, "open"), once(silent, "close")]);
    assert.equal(await line, "OK: a\n");
    assert.match(await page, /200 OK/);
    alive.send("apientry=echo&txt=b");
    assert.equal(String((await once(alive, "message"))[0]), "OK: b");
    alive.close();
    wire.set({});
  });
  test("a request that takes longer than idletimeout is answered", async () => {
    wire.set({ idletimeout: "1" });
    const get = (query: string) => `GET /mvapireq/?${query} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const slow = get("apientry=slow&ms=3300&txt=a");
    const [lines, page, behindFile] = await Promise.all([
      exchange(connect(wire.port), ["apientry=slow&ms=1300&txt=a\napientry=quit\n"]),
      exchange(connect(wire.port), [slow]),
      exchange(connect(wire.port), [get("apientry=file&txt=f"), slow]),
    ]);
    assert.equal(lines, "OK: a\nOK: bye\n");
    assert.match(page, /^HTTP\/1\.1 200 [\s\S]*OK: a$/);
    assert.match(behindFile, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nfHTTP\/1\.1 200 [\s\S]*OK: a$/);
    wire.set({});
  });
});

suite("connections", () => {
  test("past maxconnections a connection is closed, and there is room again when others are", async () => {
    const open = connect(wire.port);
    await once(open, "connect");
    wire.set({ maxconnections: "1" });
    assert.equal(await exchange(connect(wire.port), []), "");
    open.end("apientry=echo&txt=a\n");
    await once(open.resume(), "close");
    assert.equal(await echo(), "OK: a");
    wire.set({});
  });
  test("loopback is exempt from maxconnectionsperip", async () => {
    wire.set({ maxconnectionsperip: "1" });
    const open = connect(wire.port, "127.0.0.2");
    await once(open, "connect");
    assert.equal(await exchange(connect(wire.port, "127.0.0.2"), ["apientry=quit\n"]), "OK: bye\n");
    open.destroy();
    wire.set({});
  });
  test("a TLS greeting without a certificate ends the connection", async () => {
    assert.equal(await exchange(connect(wire.port), ["\x16\x03\x01\x00\x05hello"]), "");
  });
  test("a client that goes away in the middle of its body leaves nothing behind", async () => {
    const socket = connect(wire.port);
    socket.write("POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    await once(socket, "connect");
    socket.destroy();
    assert.equal(await echo(), "OK: a");
  });
});

suite("files", () => {
  const folder = mkdtempSync(join(tmpdir(), "tbapi-web-"));
  const root = join(folder, "web");
  before(() => {
    mkdirSync(join(root, "sub"), { recursive: true });
    mkdirSync(join(root, ".git"));
    mkdirSync(join(folder, "web2"));
    writeFileSync(join(folder, "secret.txt"), "secret");
    writeFileSync(join(folder, "web2", "secret.txt"), "secret");
    writeFileSync(join(root, "page a.html"), "<p>page");
    writeFileSync(join(root, "sub", "index.html"), "<p>index");
    writeFileSync(join(root, ".git", "config"), "secret");
    writeFileSync(join(root, ".env"), "secret");
    symlinkSync(join(folder, "secret.txt"), join(root, "link.txt"));
    symlinkSync(folder, join(root, "up"));
    symlinkSync(join(root, "sub"), join(root, "inside"));
  });
  after(() => rmSync(folder, { recursive: true }));
  const get = (path: string, method = "GET") => request(wire.port, { path, method });

  test("files and the index of a folder are served", async () => {
    wire.set({ webroot: root });
    const page = await get("/mvweb/page%20a.html?v=1");
    assert.equal(page.body, "<p>page");
    assert.match(page.headers["content-type"] ?? "", /^text\/html/);
    assert.equal(page.headers["x-content-type-options"], "nosniff");
    assert.equal((await get("/mvweb/sub/")).body, "<p>index");
    assert.equal((await get("/mvweb/inside/index.html")).body, "<p>index");
    assert.equal((await get("/mvweb/page%20a.html", "HEAD")).body, "");
    assert.equal((await get("/mvweb/page%20a.html", "POST")).status, 405);
  });
  for (const path of [
    "/mvweb/none.html",
    "/mvweb/sub",
    "/mvweb/../secret.txt",
    "/mvweb/%2e%2e/secret.txt",
    "/mvweb/..%2fsecret.txt",
    "/mvweb/../web2/secret.txt",
    "/mvweb/link.txt",
    "/mvweb/up/secret.txt",
    "/mvweb/.env",
    "/mvweb/.git/config",
    "/mvweb/%2eenv",
    "/mvweb/a%00b",
    "/mvweb/%",
  ])
    test(`${path} is not found`, async () => {
      wire.set({ webroot: root });
      const { status, body } = await get(path);
      assert.equal(status, 404);
      assert.doesNotMatch(body, /secret$/);
    });
  test("without webroot nothing is served", async () => {
    wire.set({});
    assert.equal((await get("/mvweb/sub/")).status, 404);
  });
});
