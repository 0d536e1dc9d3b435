/** Changes accepted and carried out by the outbox, a second. */
import { setTimeout as pause } from "node:timers/promises";
import type { Database } from "../../engine/database/database.js";
import { openMigrated } from "../databases.js";
import { request, serve, stop } from "./served.js";

const ITEMS = 500;
const AT_ONCE = 25;

export async function measureOutbox(address: string): Promise<void> {
  const server = await serve("./serve.js", address);
  const database = await openMigrated(address);
  await database.run({ text: "delete from tb_api", values: [] });
  await database.run({
    text: "insert into tb_api (fname, customsql, req_user) values ('benchchange', ?, 12)",
    values: ["update tb_users set name = '[SPARAM1]' where id = [USERID]"],
  });
  await request(server, "apireload", "admin");
  const started = performance.now();
  for (let sent = 0; sent < ITEMS; sent += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) =>
        request(server, "benchchange", "alice", { sparam1: `n${sent + index}` }),
      ),
    );
  const accepted = performance.now() - started;
  while ((await waiting(database)) > 0) await pause(20);
  const done = performance.now() - started;
  console.log(
    `outbox on ${database.dialect}: ${Math.round((ITEMS / accepted) * 1000)} changes accepted a second, ${Math.round((ITEMS / done) * 1000)} carried out`,
  );
  await database.close();
  await stop(server);
}

async function waiting(database: Database): Promise<number> {
  const { rows } = await database.run({
    text: "select count(*) as n from tb_outbox where state <> 'failed'",
    values: [],
  });
  return Number(rows[0]?.["n"]);
}
