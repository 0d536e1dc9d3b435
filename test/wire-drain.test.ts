/** A stop loses no request that was taken, and leaves no connection open. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect, exchange, startWire } from "./wire-server.js";

const slow = (txt: string) => `/mvapireq/?apientry=slow&ms=150&txt=${txt}`;

test("requests in flight on every transport are answered before the server is gone", async () => {
  const wire = await startWire();
  const page = exchange(connect(wire.port), [`GET ${slow("a")} HTTP/1.1\r\nHost: x\r\n\r\n`]);
  const lines = exchange(connect(wire.port), [`${slow("b")}\n${slow("c")}\n`]);
  const webSocket = new WebSocket(`ws://127.0.0.1:${wire.port}/mvstwebsock`);
  await once(webSocket, "open");
  const messages: string[] = [];
  webSocket.on("message", (data) => messages.push(String(data)));
  webSocket.send(slow("d"));
  webSocket.send(slow("e"));
  const left = once(webSocket, "close");
  while (wire.taken() < 3) await new Promise(setImmediate);
  await wire.drain();
  assert.match(await page, /Connection: close[\s\S]*OK: a$/);
  assert.equal(await lines, "OK: b\nOK: c\n");
  assert.equal((await left)[0], 1001);
  assert.deepEqual(messages, ["OK: d", "OK: e"]);
  assert.equal(wire.connections(), 0);
});

test("pipelined requests of one connection are all answered", async () => {
  const wire = await startWire();
  const one = (txt: string, ms: number) =>
    `GET /mvapireq/?apientry=slow&ms=${ms}&txt=${txt} HTTP/1.1\r\nHost: x\r\n\r\n`;
  const answers = exchange(connect(wire.port), [one("a", 100) + one("b", 0) + one("c", 20)]);
  while (wire.taken() < 3) await new Promise(setImmediate);
  await wire.drain();
  assert.deepEqual(
    [...(await answers).matchAll(/OK: (\w)/g)].map(([, txt]) => txt),
    ["a", "b", "c"],
  );
});

test("idle connections and a console that waits for a login are closed at once", async () => {
  const wire = await startWire();
  const page = exchange(connect(wire.port), ["GET /mvapireq/?apientry=echo HTTP/1.1\r\nHost: x\r\n\r\n"]);
  const line = exchange(connect(wire.port), ["apientry=echo&txt=a\n"]);
  const silent = exchange(connect(wire.port), []);
  const console = exchange(connect(wire.adminPort), []);
  while (wire.taken() < 2 || wire.connections() < 4) await new Promise(setImmediate);
  await wire.drain();
  await Promise.all([page, line, silent, console]);
  assert.equal(wire.connections(), 0);
});

test("under load each request gets its answer, or was never taken", async () => {
  const wire = await startWire();
  let answered = 0;
  let stopped = false;
  const ask = (agent: http.Agent) =>
    new Promise<void>((resolve) => {
      const sent = http.get({ host: "127.0.0.1", port: wire.port, path: "/mvapireq/?apientry=slow&ms=1&txt=a", agent });
      sent.on("response", (response) => {
        response.resume().on("end", () => {
          answered += 1;
          resolve();
        });
      });
      sent.on("error", () => resolve());
    });
  const clients = Array.from({ length: 20 }, async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!stopped) await ask(agent);
    agent.destroy();
  });
  while (wire.taken() < 200) await new Promise(setImmediate);
  await wire.drain();
  stopped = true;
  await Promise.all(clients);
  assert.equal(answered, wire.taken());
});
