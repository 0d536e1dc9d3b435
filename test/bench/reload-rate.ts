/** 10,000 rows of tb_api put into force while requests flow. */
import { openMigrated } from "../databases.js";
import { request, serve, stop } from "./served.js";

const ROWS = 10_000;
const IN_ONE_INSERT = 500;
const CLIENTS = 4;

export async function measureReload(address: string): Promise<void> {
  const server = await serve("./serve.js", address);
  const kind = await addRows(address);
  let running = true;
  let [answered, dropped, slowest] = [0, 0, 0];
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (running) {
      const started = performance.now();
      const text = await request(server, "apitest1", "alice").catch(() => "");
      if (text.startsWith("OK")) answered += 1;
      else dropped += 1;
      slowest = Math.max(slowest, performance.now() - started);
    }
  });
  const started = performance.now();
  const answer = await request(server, "apireload", "admin");
  const milliseconds = Math.round(performance.now() - started);
  running = false;
  await Promise.all(clients);
  console.log(
    `${ROWS} rows reloaded on ${kind}: ${milliseconds} ms (goal 2000), ${answered} requests answered meanwhile, ${dropped} dropped, slowest ${Math.round(slowest)} ms; ${answer.slice(0, 30).trim()}`,
  );
  await stop(server);
}

async function addRows(address: string): Promise<string> {
  const database = await openMigrated(address);
  for (let first = 0; first < ROWS; first += IN_ONE_INSERT) {
    const names = Array.from({ length: IN_ONE_INSERT }, (_, index) => first + index);
    await database.run({
      text: `insert into tb_api (fname, customsql, req_user) values ${names.map(() => "(?, ?, 12)").join(", ")}`,
      values: names.flatMap((n) => [
        `bench${n}`,
        `select ${n} as n, username from tb_users where id = [USERID] and name <> '[SPARAM1]'`,
      ]),
    });
  }
  await database.close();
  return database.dialect;
}
