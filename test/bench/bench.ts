/** `make bench`: the engine against hand-written equivalents, interleaved in one run; the median of the ratios counts. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import autocannon from "autocannon";
import { freshMariaDb } from "../databases.js";
import { measureOutbox } from "./outbox-rate.js";
import { measureReload } from "./reload-rate.js";
import { type Served, serve, stop, urlOf } from "./served.js";

/** A program runs faster or slower from one start to the next, by where its code and data come to lie. */
const STARTS = 5;
/** Many short rounds: a machine's speed changes within seconds, and both of a pair should have the same. */
const ROUNDS = 7;
const SECONDS = 0.5;
const WARM_UP = 3;
const CONNECTIONS = 32;

interface Comparison {
  title: string;
  /** Least ratio of the rates. */
  goal: number;
  /** What is asked of either server. */
  url(served: Served): string;
  /** Starts one server. */
  engine: () => Promise<Served>;
  byHand: () => Promise<Served>;
}

/** Requests a second of both in one round. */
interface Round {
  engine: number;
  byHand: number;
}

/** Requests a second. Errors: Error where one of them was not answered. */
async function rate(url: string, seconds: number = SECONDS): Promise<number> {
  const result = await autocannon({ url, connections: CONNECTIONS, duration: seconds, sampleInt: 20 });
  if (result.non2xx + result.errors + result.timeouts > 0) throw new Error(`${url}: ${result.non2xx} bad answers`);
  return result.requests.total / result.duration;
}

/** Errors: Error where the answer is none of the work that is measured, such as a refusal. */
async function demandAnswer(url: string): Promise<void> {
  const text = await (await fetch(url)).text();
  if (!/^(OK: 20|Your credit is )/.test(text)) throw new Error(`${url}: ${text}`);
}

/** The values below which a quarter, half and three quarters of them lie. */
function quartiles(values: number[]): [number, number, number] {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return [at(0.25), at(0.5), at(0.75)];
}

async function compare(comparison: Comparison): Promise<void> {
  const rounds: Round[] = [];
  for (let start = 0; start < STARTS; start += 1) rounds.push(...(await roundsOf(comparison)));
  const [low, median, high] = quartiles(rounds.map(({ engine, byHand }) => engine / byHand));
  const [, ours] = quartiles(rounds.map(({ engine }) => engine));
  const [, theirs] = quartiles(rounds.map(({ byHand }) => byHand));
  console.log(
    `${comparison.title}: ${median.toFixed(3)} (goal ${comparison.goal}; half of the rounds ${low.toFixed(2)} to ${high.toFixed(2)}; ${Math.round(ours)} against ${Math.round(theirs)} requests a second)`,
  );
}

/** Of one start of both servers. */
async function roundsOf({ url, ...start }: Comparison): Promise<Round[]> {
  const servers = [await start.engine(), await start.byHand()] as const;
  const [engine, byHand] = [url(servers[0]), url(servers[1])];
  for (const side of [engine, byHand]) {
    await demandAnswer(side);
    await rate(side, WARM_UP);
  }
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Which one goes first alternates, so that a drift of the machine favours neither.
    if (round % 2 === 0) rounds.push({ engine: await rate(engine), byHand: await rate(byHand) });
    else rounds.push({ byHand: await rate(byHand), engine: await rate(engine) });
  }
  for (const side of [engine, byHand]) await demandAnswer(side);
  for (const server of servers) await stop(server);
  return rounds;
}

const compareBalance = (name: "sqlite" | "mariadb", database: string, goal: number): Promise<void> =>
  compare({
    title: `balance on ${name}`,
    goal,
    url: (served) => urlOf(served, "balance", "alice"),
    engine: () => serve("./serve.js", database),
    byHand: () => serve("./hand-written.js", name, database),
  });

const compareSimplest = (database: string): Promise<void> =>
  compare({
    title: "apitest1 against a bare answer",
    goal: 0.75,
    url: ({ port }) => `http://127.0.0.1:${port}/mvapireq/?apientry=apitest1`,
    engine: () => serve("./serve.js", database),
    byHand: () => serve("./hand-written.js", "bare"),
  });

async function startTime(): Promise<void> {
  const started = performance.now();
  const engine = await serve("./serve.js", await freshSqlite());
  console.log(`start on an empty database, sample data included: ${Math.round(performance.now() - started)} ms`);
  await stop(engine);
}

const freshSqlite = async (): Promise<string> =>
  `sqlite:${join(await mkdtemp(join(tmpdir(), "tbapi-bench-")), "bench.sqlite")}`;

await startTime();
// Times come before ratios: many a machine is slower after minutes of load, which both sides of a ratio share.
for (const database of [await freshSqlite(), await freshMariaDb()]) await measureReload(database);
await compareSimplest(await freshSqlite());
await compareBalance("sqlite", await freshSqlite(), 0.8);
await compareBalance("mariadb", await freshMariaDb(), 0.9);
for (const database of [await freshSqlite(), await freshMariaDb()]) await measureOutbox(database);
