/** The same request over each transport and in each format is the same answer; and what each transport does beside that. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { WebSocket } from "ws";
import { writerOf } from "../engine/formats.js";
import type { Answer, AnswerFormat } from "../engine/request.js";
import { connect, connectTls, exchange, HIDE_KEY, request, startWire, TRANSPORTS, type Wire } from "./wire-server.js";

const folder = mkdtempSync(join(tmpdir(), "tbapi-wire-"));
const [tlscert, tlskey] = [join(folder, "cert.pem"), join(folder, "key.pem")];
const base = { tlscert, tlskey, httpapiencryptkey: HIDE_KEY };
let wire: Wire;

before(async () => {
  const subject = ["-subj", "/CN=localhost", "-days", "2", "-keyout", tlskey, "-out", tlscert];
  await execa("openssl", [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    ...subject,
  ]);
  wire = await startWire(base);
});
after(async () => {
  await wire.drain();
  rmSync(folder, { recursive: true });
});

const ANSWERS: [string, Answer][] = [
  ["entry=echo&txt=h%C3%A9llo+%3Cb%3E", { ok: true, text: "héllo <b>" }],
  ["entry=nosuch", { ok: false, text: "unknown entry: nosuch is not an entry" }],
  [
    "entry=rows",
    {
      ok: true,
      text: "",
      columns: ["id", "name"],
      rows: [
        { id: 1, name: "a\tb" },
        { id: 2, name: null },
      ],
    },
  ],
];
const FORMATS: AnswerFormat[] = ["text", "cleartext", "html", "xml", "soap", "json", "jsonp"];

suite("one answer", () => {
  for (const [name, ask] of Object.entries(TRANSPORTS))
    for (const format of FORMATS)
      test(`${format} over ${name}`, async () => {
        for (const [query, answer] of ANSWERS) {
          const target = `/mvapireq/?api${query}&format=${format}${format === "jsonp" ? "&callback=cb" : ""}`;
          const expected = writerOf(format).encode(answer, { format, callback: "cb", entry: "x" }).body;
          assert.equal(await ask(wire.port, target), expected);
        }
      });
});

suite("the shared port", () => {
  test("HTTP is recognised one byte at a time", async () => {
    const answer = await exchange(connect(wire.port), "GET /mvapireq/?apientry=echo&txt=a HTTP/1.0\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nOK: a$/);
  });
  test("a line is recognised one byte at a time, even when it begins as a method does", async () => {
    assert.equal(
      await exchange(connect(wire.port), "/mvapireq/?apientry=echo&txt=a\napientry=quit\n"),
      "OK: a\nOK: bye\n",
    );
    assert.equal(await exchange(connect(wire.port), "PO\r\napientry=quit\n").then(firstWord), "ERROR");
  });
  test("JSON, XML and bare pairs are lines too", async () => {
    const lines = [
      '{"apientry":"echo","txt":"a"}',
      "<r><apientry>echo</apientry><txt>b</txt></r>",
      "?apientry=echo&txt=c",
    ];
    const answer = await exchange(connect(wire.port), [`${lines.join("\r\n")}\r\n\r\napientry=quit\n`]);
    assert.deepEqual(answer.trimEnd().split("\n"), [
      '{"code":200,"status":"OK","text":"OK: a"}',
      '<?xml version="1.0" encoding="UTF-8"?><response><code>200</code><status>OK</status><text>OK: b</text></response>',
      "OK: c",
      "OK: bye",
    ]);
  });
  test("lines of one connection are answered in their order, the slow ones too", async () => {
    const lines = Array.from({ length: 300 }, (_, at) => `apientry=slow&ms=${at % 100 === 0 ? 20 : 0}&txt=${at}\n`);
    const answer = await exchange(connect(wire.port), [`${lines.join("")}apientry=quit\n`]);
    assert.deepEqual(answer.trimEnd().split("\n"), [...lines.map((_, at) => `OK: ${at}`), "OK: bye"]);
  });
  test("rows on a line end in an empty line", async () => {
    const answer = await exchange(connect(wire.port), ["apientry=rows\napientry=quit\n"]);
    assert.equal(answer, "OK: 2 rows\nid\tname\n1\ta\\tb\n2\t\n\nOK: bye\n");
  });
  test("what is behind the answer that ends a connection is not carried out", async () => {
    const before = wire.taken();
    assert.equal(await exchange(connect(wire.port), ["apientry=quit\napientry=echo&txt=a\n"]), "OK: bye\n");
    assert.equal(wire.taken(), before + 1);
  });
  test("a word that could be a blob and is none is an ordinary line", async () => {
    assert.match(await exchange(connect(wire.port), ["abcd\napientry=quit\n"]), /^ERROR: wrong parameter: apientry/);
  });
});

const firstWord = (text: string): string | undefined => /^\w+/.exec(text)?.[0];

suite("HTTP", () => {
  const get = (path: string, headers = {}) => request(wire.port, { path, headers });

  test("an answer has its length and type, and is not to be kept or guessed at", async () => {
    const { status, headers, body } = await get("/mvapireq/?apientry=echo&txt=a");
    assert.equal(status, 200);
    assert.equal(body, "OK: a");
    assert.equal(headers["content-length"], "5");
    assert.equal(headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["transfer-encoding"], undefined);
  });
  test("a page of another origin may read answers, without its cookies, as corsorigin says", async () => {
    const cross = (origin: string) => get("/mvapireq/?apientry=echo", { origin });
    assert.equal((await cross("https://shop.example.com")).headers["access-control-allow-origin"], "*");
    assert.equal((await cross("https://shop.example.com")).headers["access-control-allow-credentials"], undefined);
    wire.set({ corsorigin: "https://a.example.com" });
    assert.equal(
      (await cross("https://b.example.com")).headers["access-control-allow-origin"],
      "https://a.example.com",
    );
    wire.set({ corsorigin: "" });
    assert.equal((await cross("https://b.example.com")).headers["access-control-allow-origin"], undefined);
    wire.set({ corsorigin: "a\r\nb: c" });
    assert.equal((await cross("https://b.example.com")).headers["access-control-allow-origin"], undefined);
    wire.set({});
  });
  test("OPTIONS tells what may be sent; other methods are refused", async () => {
    const options = await request(wire.port, {
      path: "/mvapireq/",
      method: "OPTIONS",
      headers: { origin: "https://a" },
    });
    assert.equal(options.status, 204);
    assert.equal(options.headers["access-control-allow-methods"], "GET, POST, HEAD, OPTIONS");
    const put = await request(wire.port, { path: "/mvapireq/", method: "PUT", body: "x" });
    assert.equal(put.status, 405);
    assert.equal(put.headers.allow, "GET, POST, HEAD, OPTIONS");
  });
  test("HEAD has the length of the answer and no body", async () => {
    const { headers, body } = await request(wire.port, { path: "/mvapireq/?apientry=echo&txt=abc", method: "HEAD" });
    assert.equal(headers["content-length"], "7");
    assert.equal(body, "");
  });
  test("a failure has the status 499 where httpstrictresponse is set", async () => {
    assert.equal((await get("/mvapireq/?apientry=nosuch")).status, 200);
    wire.set({ httpstrictresponse: "1" });
    assert.equal((await get("/mvapireq/?apientry=nosuch")).status, 499);
    wire.set({});
  });
  test("another path is not found", async () => {
    const { status, body } = await get("/index.php");
    assert.equal(status, 404);
    assert.match(body, /^ERROR: not found: /);
  });
  test("requests of one connection are answered in their order, HTTP/1.0 is closed", async () => {
    const one = (txt: string, ms: number) =>
      `GET /mvapireq/?apientry=slow&ms=${ms}&txt=${txt} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const last = "GET /mvapireq/?apientry=echo&txt=c HTTP/1.0\r\n\r\n";
    const answer = await exchange(connect(wire.port), [one("a", 30) + one("b", 0) + last]);
    assert.deepEqual(
      [...answer.matchAll(/OK: (\w)/g)].map(([, txt]) => txt),
      ["a", "b", "c"],
    );
  });
  for (const [name, open] of [["HTTP", connect] as const, ["HTTPS", connectTls] as const])
    test(`${name}: a connection in use outlives idletimeout, tells of it, and is closed after it`, async () => {
      wire.set({ idletimeout: "2" });
      const socket = open(wire.port);
      const answers = exchange(socket, []);
      for (const txt of ["a", "b", "c", "d"]) {
        socket.write(`GET /mvapireq/?apientry=echo&txt=${txt} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await pause(1_100);
      }
      const told = [...(await answers).matchAll(/Keep-Alive: timeout=2|OK: \w/g)].map(([it]) => it);
      assert.deepEqual(
        told,
        ["a", "b", "c", "d"].flatMap((txt) => ["Keep-Alive: timeout=2", `OK: ${txt}`]),
      );
      wire.set({});
    });
  test("more requests on one connection than maxpipelined wait their turn", async () => {
    wire.set({ maxpipelined: "2" });
    const body = "apientry=slow&ms=1&txt=a";
    const one = `POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const last = "GET /mvapireq/?apientry=echo&txt=b HTTP/1.0\r\n\r\n";
    const answer = await exchange(connect(wire.port), [...Array<string>(20).fill(one), last]);
    assert.equal(answer.match(/OK: a/g)?.length, 20);
    assert.match(answer, /OK: b$/);
    wire.set({});
  });
  for (const [title, head] of Object.entries({
    "a length and chunks": "POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "two lengths": "POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
    "a negative length": "POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n",
    "a folded header": "GET /mvapireq/ HTTP/1.1\r\nHost: x\r\n Content-Length: 3\r\nX :y\r\n",
    "no host": "GET /mvapireq/?apientry=echo HTTP/1.1\r\n",
    "a bare line feed in a header": "GET /mvapireq/ HTTP/1.1\r\nHost: x\r\nX: a\nTransfer-Encoding : chunked\r\n",
  }))
    test(`${title}: 400, and the connection is closed`, async () => {
      const before = wire.taken();
      assert.match(await exchange(connect(wire.port), [`${head}\r\nabc`]), /^HTTP\/1\.1 400 /);
      assert.equal(wire.taken(), before);
    });
  test("line ends in a request can't become headers of its answer", async () => {
    for (const query of [
      "apientry=a%0d%0aX-Evil:1",
      "apientry=echo&format=jsonp&callback=a%0d%0aX-Evil:1",
      "apientry=echo&txt=%0d%0aX-Evil:1",
    ]) {
      const { headers } = await get(`/mvapireq/?${query}`);
      assert.equal(headers["x-evil"], undefined);
    }
  });
  test("forwarding headers count from a proxy that is named, and mark everybody else", async () => {
    const forwarded = { "x-forwarded-for": "10.0.0.1, 198.51.100.7, ::ffff:192.0.2.9" };
    const peer = async (headers = {}) => (await get("/mvapireq/?apientry=peer", headers)).body;
    assert.equal(await peer(), "OK: http 127.0.0.1 false");
    for (const headers of [forwarded, { forwarded: "for=10.0.0.1" }, { "x-real-ip": "10.0.0.1" }, { via: "1.1 p" }])
      assert.equal(await peer(headers), "OK: http 127.0.0.1 true");
    wire.set({ trustedproxies: "127.0.0.0/8, 192.0.2.9" });
    assert.equal(await peer(forwarded), "OK: http 198.51.100.7 false");
    assert.equal(await peer({ "x-forwarded-for": "unknown, 192.0.2.9" }), "OK: http 127.0.0.1 true");
    assert.equal(await peer({ via: "1.1 p" }), "OK: http 127.0.0.1 true");
    wire.set({});
  });
});

suite("WebSocket", () => {
  test("messages are answered in their order, text or binary", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${wire.port}/mvstwebsock`);
    await once(socket, "open");
    const answers: string[] = [];
    const done = new Promise<void>((resolve) =>
      socket.on("message", (data, isBinary) => {
        assert.equal(isBinary, false);
        if (answers.push(data.toString()) === 200) resolve();
      }),
    );
    for (let at = 0; at < 200; at += 1)
      socket.send(Buffer.from(`/mvapireq/?apientry=slow&ms=0&txt=${at}`), { binary: at % 2 === 0 });
    await done;
    assert.deepEqual(
      answers,
      Array.from({ length: 200 }, (_, at) => `OK: ${at}`),
    );
    socket.close();
  });
  test("an answer may close the connection", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${wire.port}/mvstwebsock`);
    await once(socket, "open");
    socket.send("apientry=quit");
    await once(socket, "close");
  });
  test("another path is no WebSocket", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${wire.port}/chat`);
    const [error] = (await once(socket, "error")) as [Error];
    assert.match(error.message, /404/);
  });
  test("a page of an origin that may not read answers opens none", async () => {
    wire.set({ corsorigin: "https://a.example.com" });
    const socket = new WebSocket(`ws://127.0.0.1:${wire.port}/mvstwebsock`, { origin: "https://evil.example.com" });
    const [error] = (await once(socket, "error")) as [Error];
    assert.match(error.message, /403/);
    wire.set({});
  });
  test("a message past maxline closes the connection", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${wire.port}/mvstwebsock`);
    await once(socket, "open");
    socket.send("x".repeat(70_000));
    const [code] = (await once(socket, "close")) as [number];
    assert.equal(code, 1009);
  });
});
