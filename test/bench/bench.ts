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

/** Many short rounds: a machine's speed changes within seconds, and both of a pair should have the same. */
const ROUNDS = 25;
const SECONDS = 0.5;
const WARM_UP = 4;
const CONNECTIONS = 32;

/** Requests a second. Errors: Error where one of them was not answered. */
async function rate({ port }: Served, path: string, seconds: number = SECONDS): Promise<number> {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}${path}`,
    connections: CONNECTIONS,
    duration: seconds,
    sampleInt: 20,
  });
  if (result.non2xx + result.errors + result.timeouts > 0) throw new Error(`${path}: ${result.non2xx} bad answers`);
  return result.requests.total / result.duration;
}

/** Errors: Error where the answer is none of the work that is measured, such as a refusal. */
async function demandAnswer({ port }: Served, path: string): Promise<void> {
  const text = await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  if (!/^(OK: 20|Your credit is )/.test(text)) throw new Error(`${path}: ${text}`);
}

/** The value below which so much of them lies: 0.5 is the median. */
const at = (share: number, values: number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length * share)] ?? 0;

async function compare(title: string, goal: number, engine: Served, byHand: Served, path: string): Promise<void> {
  for (const served of [engine, byHand]) {
    await demandAnswer(served, path);
    await rate(served, path, WARM_UP);
  }
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Which one goes first alternates, so that a drift of the machine favours neither.
    const first = round % 2 === 0 ? engine : byHand;
    const second = first === engine ? byHand : engine;
    const rates = new Map([[first, await rate(first, path)]]);
    rates.set(second, await rate(second, path));
    ours.push(rates.get(engine) ?? 0);
    theirs.push(rates.get(byHand) ?? 1);
  }
  for (const served of [engine, byHand]) await demandAnswer(served, path);
  const ratios = ours.map((rate, round) => rate / (theirs[round] ?? 1));
  const half = `half of the rounds ${at(0.25, ratios).toFixed(2)} to ${at(0.75, ratios).toFixed(2)}`;
  const requests = [ours, theirs].map((rates) => Math.round(at(0.5, rates))).join(" against ");
  console.log(`${title}: ${at(0.5, ratios).toFixed(3)} (goal ${goal}; ${half}; ${requests} requests a second)`);
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
