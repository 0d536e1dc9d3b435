/** Faxes: what the gateway is sent, and what becomes of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { eachDatabase } from "./databases.js";
import { as, startTestServer, type TestServer } from "./server.js";

interface Posted {
  authorization: string | undefined;
  from: unknown;
  to: unknown;
  name: string;
  type: string;
  bytes: string;
}

eachDatabase("faxes", (fresh) => {
  let server: TestServer;
  let gateway: Server;
  const posted: Posted[] = [];
  const statuses: number[] = [];
  before(async () => {
    gateway = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const headers = { "content-type": String(request.headers["content-type"]) };
      const form = await new Response(Buffer.concat(chunks), { headers }).formData();
      const file = form.get("file") as File;
      const { name, type } = file;
      const { authorization } = request.headers;
      posted.push({ authorization, from: form.get("from"), to: form.get("to"), name, type, bytes: await file.text() });
      response.writeHead(statuses.shift() ?? 200, { location: "http://127.0.0.1:9/" }).end("thanks");
    }).listen(0, "127.0.0.1");
    await once(gateway, "listening");
    server = await startTestServer(await fresh(), {
      TBAPI_FAXGATEWAY: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/send`,
      TBAPI_FAXGATEWAYKEY: "gateway-secret",
    });
    await server.get("pputfile", as("alice", { filename: "a/offer.pdf", filedata: "JVBERi0xLjQK" }));
  });
  after(async () => {
    await server.stop();
    gateway.closeAllConnections();
    gateway.close();
  });

  const send = (extra = {}) =>
    server.get("sendfax", as("alice", { from: "36301112222", to: "3612345678", filename: "a/offer.pdf", ...extra }));
  /** The fax's row once it is sent or given up; pauses between tries are skipped. */
  async function ended(answer: string): Promise<unknown> {
    const id = Number(/^OK: fax (\d+) is queued$/.exec(answer)?.[1]);
    const { database, outbox } = server.engine.services;
    for (;;) {
      const { rows } = await database.run({ text: "select status, reason from tb_faxes where id = ?", values: [id] });
      if (rows[0]?.["status"] !== "queued") return rows[0];
      await database.run({
        text: "update tb_outbox set nexttry = '2000-01-01 00:00:00' where state = 'waiting'",
        values: [],
      });
      outbox.wake();
      await pause(20);
    }
  }

  test("the gateway gets the numbers, the file and the key", async () => {
    assert.deepEqual(await ended(await send()), { status: "sent", reason: "" });
    assert.deepEqual(posted.splice(0), [
      {
        authorization: "Bearer gateway-secret",
        from: "36301112222",
        to: "3612345678",
        name: "offer.pdf",
        type: "application/pdf",
        bytes: "%PDF-1.4\n",
      },
    ]);
  });

  test("a busy gateway is asked again, one that refuses or sends elsewhere is not", async () => {
    statuses.push(503, 429, 200);
    assert.deepEqual(await ended(await send()), { status: "sent", reason: "" });
    assert.equal(posted.splice(0).length, 3);
    for (const status of [400, 302]) {
      statuses.push(status);
      assert.deepEqual(await ended(await send()), { status: "failed", reason: `the fax gateway answered ${status}` });
      assert.equal(posted.splice(0).length, 1);
    }
  });

  test("a request that is repeated with its key is one fax", async () => {
    const answers = [await send({ idempotencykey: "k" }), await send({ idempotencykey: "k" })];
    assert.equal(answers[0], answers[1]);
    await ended(answers[0] ?? "");
    assert.equal(posted.splice(0).length, 1);
  });

  test("without a gateway nothing is queued", async (t) => {
    const bare = await startTestServer(await fresh(), { TBAPI_FAXGATEWAY: "" });
    t.after(() => bare.stop());
    await bare.get("pputfile", as("alice", { filename: "offer.pdf", filedata: "JVBERi0xLjQK" }));
    const answer = await bare.get("sendfax", as("alice", { from: "1", to: "2", filename: "offer.pdf" }));
    const { rows } = await bare.engine.services.database.run({ text: "select id from tb_faxes", values: [] });
    assert.equal(answer, "ERROR: not configured: set faxgateway to the address of an HTTP fax gateway");
    assert.deepEqual(rows, []);
  });
});
