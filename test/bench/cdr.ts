/** Call records among a million: for each condition and order the index in use, and the milliseconds that a list or a sum takes. */
import type { Database } from "../../engine/database/database.js";
import { addCalls, PLAN_CASES, planOf, statementOfCase } from "../call-records.js";
import { freshMariaDb, freshSqlite, openMigrated } from "../databases.js";

const RECORDS = 1_000_000;
const ROUNDS = 3;

/** The shortest of some rounds: what others do on the machine makes it longer only. */
async function shortest(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now();
    await work();
    times.push(performance.now() - started);
  }
  return Math.min(...times);
}

/** As much memory as a server has on which a million records lie; the tests' own has little. */
const MEMORY = "set global innodb_buffer_pool_size = 1073741824";

async function measure(database: Database): Promise<void> {
  if (database.dialect === "mariadb") await database.run({ text: MEMORY, values: [] });
  const started = performance.now();
  await addCalls(database, RECORDS);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${RECORDS} call records on ${database.dialect}, made in ${seconds} s`);
  for (const plan of PLAN_CASES) {
    const statement = statementOfCase(database, plan);
    const indexes = await planOf(database, statement);
    const milliseconds = await shortest(() => database.runForeign(statement, { timeout: 60_000 }));
    console.log(`${plan.title.padEnd(32)} ${indexes.join(", ").padEnd(24)} ${milliseconds.toFixed(1).padStart(8)} ms`);
  }
}

for (const address of [await freshSqlite(), await freshMariaDb()]) {
  const database = await openMigrated(address);
  await measure(database);
  await database.close();
}
