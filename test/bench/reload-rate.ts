/** 10,000 rows of tb_api put into force while requests flow. */
import { as, startTestServer } from "../server.js";

const ROWS = 10_000;
const IN_ONE_INSERT = 500;

export async function measureReload(database: string): Promise<void> {
  const server = await startTestServer(database, { TBAPI_LIMITADDRESS: "0" });
  const { database: target } = server.engine.services;
  for (let first = 0; first < ROWS; first += IN_ONE_INSERT) {
    const names = Array.from({ length: IN_ONE_INSERT }, (_, index) => first + index);
    await target.run({
      text: `insert into tb_api (fname, customsql, req_user) values ${names.map(() => "(?, ?, 12)").join(", ")}`,
      values: names.flatMap((n) => [
        `bench${n}`,
        `select ${n} as n, username from tb_users where id = [USERID] and name <> '[SPARAM1]'`,
      ]),
    });
  }
  let running = true;
  let [answered, dropped, slowest] = [0, 0, 0];
  const load = Array.from({ length: 4 }, async () => {
    while (running) {
      const started = performance.now();
      const text = await server.get("apitest1").catch(() => "");
      if (text.startsWith("OK")) answered += 1;
      else dropped += 1;
      slowest = Math.max(slowest, performance.now() - started);
    }
  });
  const started = performance.now();
  const answer = await server.get("apireload", as("admin"));
  const milliseconds = Math.round(performance.now() - started);
  running = false;
  await Promise.all(load);
  const kind = target.dialect;
  console.log(
    `${ROWS} rows reloaded on ${kind}: ${milliseconds} ms (goal 2000), ${answered} requests answered meanwhile, ${dropped} dropped, slowest ${Math.round(slowest)} ms; ${answer.slice(0, 30).trim()}`,
  );
  await server.stop();
}
