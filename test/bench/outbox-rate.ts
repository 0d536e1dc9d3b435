/** The outbox: changes accepted and carried out a second, and what a full one costs requests. */
import { setTimeout as pause } from "node:timers/promises";
import autocannon from "autocannon";
import type { OutboxItem } from "../../engine/contracts.js";
import type { Engine } from "../../engine/engine.js";
import { as, startTestServer, type TestServer } from "../server.js";
import { urlOf } from "./served.js";

const REQUESTS = 500;
const AT_ONCE = 25;
const ITEMS = 3_000;
const FULL = 20_000;
const SECONDS = 2;

/** The mail server is one that refuses every connection. */
const OPTIONS = {
  TBAPI_LIMITADDRESS: "0",
  TBAPI_LIMITACCOUNT: "0",
  TBAPI_SMTPHOST: "127.0.0.1",
  TBAPI_SMTPPORT: "9",
  TBAPI_MAILFROM: "phones@example.com",
};

export async function measureOutbox(database: string): Promise<void> {
  const server = await startTestServer(database, OPTIONS);
  const { dialect } = server.engine.services.database;
  const say = (text: string) => console.log(`outbox on ${dialect}: ${text}`);
  const { accepted, done } = await acceptedChanges(server);
  say(`${accepted} changes accepted a second, ${done} with their end`);
  const change = (index: number) => statement("change", `n${index}`, "bench");
  say(`${await carriedOut(server.engine, change)} changes of one lane carried out a second`);
  say(`${await carriedOut(server.engine, (index) => statement("sql", `n${index}`))} statements of hooks`);
  const before = await requestRate(server);
  await store(server.engine, FULL, mail);
  const full = await requestRate(server);
  say(`${before} requests a second, ${full} beside ${FULL} mails that can't be sent (${(full / before).toFixed(2)})`);
  await server.stop();
}

const perSecond = (count: number, started: number) => Math.round((count / (performance.now() - started)) * 1_000);

async function acceptedChanges(server: TestServer) {
  const { database } = server.engine.services;
  await database.run({ text: "delete from tb_api", values: [] });
  await database.run({
    text: "insert into tb_api (fname, customsql, req_user) values ('benchchange', ?, 12)",
    values: ["update tb_users set name = '[SPARAM1]' where id = [USERID]"],
  });
  await server.get("apireload", as("admin"));
  const started = performance.now();
  const send = (index: number) => server.get("benchchange", as("alice", { sparam1: `n${index}` }));
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => send(sent + index)));
  const accepted = perSecond(REQUESTS, started);
  await emptied(server.engine);
  return { accepted, done: perSecond(REQUESTS, started) };
}

const statement = (kind: string, name: string, lane?: string): OutboxItem => ({
  kind,
  ...(lane !== undefined && { lane }),
  body: { text: "update tb_users set name = ? where id = 1001", values: [name] },
  entry: "bench",
  userId: 1001,
});
const mail = (index: number): OutboxItem => ({
  kind: "email.deliver",
  body: { to: `user${index}@example.com`, subject: "bench", text: "bench" },
  entry: "bench",
  userId: 1001,
});

async function store({ services: { database, outbox } }: Engine, count: number, item: (index: number) => OutboxItem) {
  await database.transaction(async (session) => {
    for (let index = 0; index < count; index += 1) await outbox.put(session, item(index));
  });
  outbox.wake();
}

async function carriedOut(engine: Engine, item: (index: number) => OutboxItem): Promise<number> {
  const started = performance.now();
  await store(engine, ITEMS, item);
  await emptied(engine);
  return perSecond(ITEMS, started);
}

async function emptied({ services: { outbox } }: Engine): Promise<void> {
  while ((await outbox.counts()).waiting > 0) await pause(20);
}

async function requestRate({ running }: TestServer): Promise<number> {
  const url = urlOf(running.ports, "balance", "alice");
  const result = await autocannon({ url, connections: 16, duration: SECONDS });
  return Math.round(result.requests.total / result.duration);
}
