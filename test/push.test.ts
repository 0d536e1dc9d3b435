/** Push notifications, to a real gateway and to a real web push service. */
import assert from "node:assert/strict";
import { createECDH, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import webpush from "web-push";
import { selfSigned } from "./certificate.js";
import { eachDatabase, freshSqlite } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";
import { spawnServer } from "./server-process.js";

interface Received {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Answers with the statuses in their order, the last one again and again. */
async function startGateway(t: TestContext, statuses: number[], tls?: { key: Buffer; cert: Buffer }) {
  const received: Received[] = [];
  const listener: RequestListener = async (request, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ headers: request.headers, body: Buffer.concat(chunks) });
    answer.writeHead(statuses[Math.min(received.length, statuses.length) - 1] ?? 200).end();
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, received };
}

const rowsOf = async ({ engine }: TestServer, text: string) =>
  (await engine.services.database.run({ text, values: [] })).rows;

/** Carries out everything, pauses skipped. */
async function settled(server: TestServer): Promise<void> {
  while ((await server.engine.services.outbox.counts()).waiting > 0) {
    await server.engine.services.outbox.hasten("push.deliver");
    await pause(20);
  }
}

const NOTE = {
  to_user: "alice",
  from_user: "bob",
  type: "call",
  title: "Missed call",
  message: "Bob called",
  platform: "android",
  package: "com.example",
};

eachDatabase("push through a gateway", (fresh) => {
  const CASES = [
    { title: "taken", statuses: [200], states: [], asked: 1, tokens: 1 },
    { title: "tried again while it is busy or broken", statuses: [503, 429, 202], states: [], asked: 3, tokens: 1 },
    { title: "refused for good", statuses: [400], states: ["failed"], asked: 1, tokens: 1 },
    {
      title: "a wrong address of the gateway forgets no token",
      statuses: [404],
      states: ["failed"],
      asked: 1,
      tokens: 1,
    },
    { title: "a token that is gone is forgotten", statuses: [410], states: ["failed"], asked: 1, tokens: 0 },
  ];
  for (const { title, statuses, states, asked, tokens } of CASES)
    test(title, async (t) => {
      const { port, received } = await startGateway(t, statuses);
      const server = await startTestServer(await fresh(), {
        TBAPI_PUSHURL: `http://127.0.0.1:${port}/push`,
        TBAPI_PUSHKEY: "gateway-key",
      });
      t.after(() => server.stop());
      const insert =
        "insert into tb_pushtokens (userid, token, platform, package) values (1001, 'abc', 'android', 'com.example')";
      await rowsOf(server, insert);
      assert.equal(await server.get("sendpush", as(ADMIN.username, NOTE)), "OK: accepted for 1 tokens");
      await settled(server);
      const [first] = received;
      assert.equal(first?.headers.authorization, "Bearer gateway-key");
      const { to_user: to, from_user: from, ...rest } = NOTE;
      assert.deepEqual(JSON.parse(String(first?.body)), { ...rest, to, from, token: "abc" });
      assert.equal(received.length, asked);
      assert.deepEqual(
        (await rowsOf(server, "select state from tb_outbox")).map((row) => row["state"]),
        states,
      );
      assert.equal((await rowsOf(server, "select id from tb_pushtokens")).length, tokens);
    });
});

describe("web push", () => {
  test("reaches a browser's push service, encrypted and signed", async (t) => {
    const { key, cert } = selfSigned();
    const { port, received } = await startGateway(t, [201], { key: readFileSync(key), cert: readFileSync(cert) });
    const keys = webpush.generateVAPIDKeys();
    const server = await spawnServer(await freshSqlite(), {
      NODE_EXTRA_CA_CERTS: cert,
      TBAPI_VAPIDPUBLICKEY: keys.publicKey,
      TBAPI_VAPIDPRIVATEKEY: keys.privateKey,
      TBAPI_VAPIDSUBJECT: "mailto:owner@example.com",
    });
    t.after(() => server.stop());
    await server.get("newuseri", { u_username: "browser", u_password: "S3cret-pw" });
    const browser = createECDH("prime256v1");
    browser.generateKeys();
    const to_token = JSON.stringify({
      endpoint: `https://localhost:${port}/push/1`,
      keys: { p256dh: browser.getPublicKey("base64url"), auth: randomBytes(16).toString("base64url") },
    });
    const answer = await server.get("sendpush", {
      to_user: "browser",
      title: "Missed call",
      message: "Bob called",
      to_token,
    });
    assert.equal(answer, "OK: accepted for 1 tokens");
    while (received.length === 0) await pause(20);
    const [{ headers, body }] = received as [Received];
    assert.equal(headers["content-encoding"], "aes128gcm");
    assert.match(String(headers.authorization), /^vapid t=/);
    assert.ok(body.length > 100 && !body.includes("Bob called"));
  });
});
