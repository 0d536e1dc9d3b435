/** Changes accepted and carried out by the outbox, a second. */
import { setTimeout as pause } from "node:timers/promises";
import { as, startTestServer } from "../server.js";

const ITEMS = 500;
const AT_ONCE = 25;

export async function measureOutbox(database: string): Promise<void> {
  const server = await startTestServer(database, { TBAPI_LIMITADDRESS: "0", TBAPI_LIMITACCOUNT: "0" });
  const { database: target, outbox } = server.engine.services;
  await target.run({ text: "delete from tb_api", values: [] });
  await target.run({
    text: "insert into tb_api (fname, customsql, req_user) values ('benchchange', ?, 12)",
    values: ["update tb_users set name = '[SPARAM1]' where id = [USERID]"],
  });
  await server.get("apireload", as("admin"));
  const started = performance.now();
  for (let sent = 0; sent < ITEMS; sent += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) =>
        server.get("benchchange", as("alice", { sparam1: `n${sent + index}` })),
      ),
    );
  const accepted = performance.now() - started;
  while ((await outbox.counts()).waiting > 0) await pause(20);
  const done = performance.now() - started;
  console.log(
    `outbox on ${target.dialect}: ${Math.round((ITEMS / accepted) * 1000)} changes accepted a second, ${Math.round((ITEMS / done) * 1000)} carried out`,
  );
  await server.stop();
}
