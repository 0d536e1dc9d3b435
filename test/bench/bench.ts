/** `make bench`: the engine against hand-written equivalents, interleaved in one run; the median of the ratios counts. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import autocannon from "autocannon";
import { freshMariaDb } from "../databases.js";
import { as } from "../server.js";
import { measureOutbox } from "./outbox-rate.js";
import { measureReload } from "./reload-rate.js";
import { type Served, serve, stop } from "./served.js";

const ROUNDS = 5;
const SECONDS = 2;
const CONNECTIONS = 32;

async function rate({ port }: Served, path: string): Promise<number> {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}${path}`,
    connections: CONNECTIONS,
    duration: SECONDS,
  });
  if (result.non2xx + result.errors + result.timeouts > 0) throw new Error(`${path}: ${result.non2xx} bad answers`);
  return result.requests.total / result.duration;
}

const median = (values: number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;

async function compare(title: string, goal: number, engine: Served, byHand: Served, path: string): Promise<void> {
  await rate(engine, path);
  await rate(byHand, path);
  const ratios: number[] = [];
  let last = [0, 0];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Which one goes first alternates, so that a drift of the machine favours neither.
    const first = round % 2 === 0 ? engine : byHand;
    const second = first === engine ? byHand : engine;
    const rates = new Map([[first, await rate(first, path)]]);
    rates.set(second, await rate(second, path));
    last = [rates.get(engine) ?? 0, rates.get(byHand) ?? 1];
    ratios.push((last[0] ?? 0) / (last[1] ?? 1));
  }
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  const requests = last.map((value) => Math.round(value)).join(" against ");
  console.log(`${title}: ${median(ratios).toFixed(3)} (goal ${goal}; ${spread}; ${requests} requests a second)`);
}

async function compareOn(name: "sqlite" | "mariadb", database: string, goal: number): Promise<void> {
  const engine = await serve("./serve.js", database);
  const login = new URLSearchParams({ apientry: "balance", ...as("alice") });
  const byHand = await serve("./hand-written.js", name, database);
  await compare(`balance on ${name}`, goal, engine, byHand, `/mvapireq/?${login}`);
  await stop(byHand);
  if (name === "sqlite") {
    const bare = await serve("./hand-written.js", "bare");
    await compare("apitest1 against a bare answer", 0.75, engine, bare, "/mvapireq/?apientry=apitest1");
    await stop(bare);
  }
  await stop(engine);
}

async function startTime(): Promise<void> {
  const started = performance.now();
  const engine = await serve("./serve.js", await freshSqlite());
  console.log(`start on an empty database, sample data included: ${Math.round(performance.now() - started)} ms`);
  await stop(engine);
}

const freshSqlite = async (): Promise<string> =>
  `sqlite:${join(await mkdtemp(join(tmpdir(), "tbapi-bench-")), "bench.sqlite")}`;

await startTime();
await compareOn("sqlite", await freshSqlite(), 0.8);
await compareOn("mariadb", await freshMariaDb(), 0.9);
for (const database of [await freshSqlite(), await freshMariaDb()]) {
  await measureReload(database);
  await measureOutbox(database);
}
