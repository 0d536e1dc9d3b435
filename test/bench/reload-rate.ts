/** 10,000 rows of tb_api put into force while requests flow. */
import { once } from "node:events";
import autocannon from "autocannon";
import { openMigrated } from "../databases.js";
import { request, type Served, serve, stop, urlOf } from "./served.js";

const ROWS = 10_000;
const IN_ONE_INSERT = 500;
const CLIENTS = 4;
/** Seconds after which a reload is given up. */
const PATIENCE = 60;

export async function measureReload(address: string): Promise<void> {
  const server = await serve("./serve.js", address);
  const kind = await addRows(address);
  const load = startLoad(server);
  const started = performance.now();
  const answer = await request(server, "apireload", "admin");
  const milliseconds = Math.round(performance.now() - started);
  const { answered, dropped, slowest } = await load.stop();
  console.log(
    `${ROWS} rows reloaded on ${kind}: ${milliseconds} ms (goal 2000), ${answered} requests answered meanwhile, ${dropped} dropped, slowest ${Math.round(slowest)} ms; ${answer.slice(0, 30).trim()}`,
  );
  await stop(server);
}

/** Clients that each send a request as soon as the one before is answered, until they are stopped. */
function startLoad(server: Served) {
  const options = { url: urlOf(server, "apitest1", "alice"), connections: CLIENTS, duration: PATIENCE, sampleInt: 20 };
  const clients = autocannon({ ...options, verifyBody: (body) => String(body).startsWith("OK") }, () => {});
  const done = once(clients, "done") as Promise<[autocannon.Result]>;
  return {
    async stop() {
      clients.stop();
      const [{ "2xx": good, non2xx, errors, timeouts, mismatches, latency }] = await done;
      const dropped = non2xx + errors + timeouts + mismatches;
      return { answered: good - mismatches, dropped, slowest: latency.max };
    },
  };
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
