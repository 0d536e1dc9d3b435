/** `tb_cdrinfo`: what each user's calls of a day come to, for statements that can't read a million records. */
import { type Database, DatabaseError, type Statement } from "../../engine/database/database.js";
import { retried } from "../../engine/database/retry.js";
import { DAY, fromDatetime, toDatetime } from "../../engine/datetime.js";
import { TEST_MARK } from "./generate.js";
import { midnight } from "./period.js";

const COSTS = ["costenduser", "costprovider", "costcompany", "costsales", "costother"];

const INSERT = `insert into tb_cdrinfo (day, userid, currency, calls, connected, duration, ${COSTS.join(", ")})
  select ?, callerid, currency, count(*), sum(case when duration > 0 then 1 else 0 end), sum(duration),
  ${COSTS.map((name) => `round(sum(${name}), 6)`).join(", ")}
  from tb_cdrs where datum >= ? and datum < ? and (mark is null or mark <> '${TEST_MARK}') group by callerid, currency`;

/**
 * Makes the sums of each day since `since` anew, a day at a time; days before the oldest record keep theirs, since their
 * records may have been removed. Answers how many days there were.
 */
export async function summarise(database: Database, since: string, now: number): Promise<number> {
  const { rows } = await database.run({
    text: "select min(datum) as oldest from tb_cdrs where datum >= ?",
    values: [since],
  });
  const oldest = rows[0]?.["oldest"];
  if (typeof oldest !== "string") return 0;
  let days = 0;
  for (let day = midnight(fromDatetime(oldest)); day <= now; day += DAY) {
    const [clear, fill] = statementsOf(day);
    await retried(() => database.runForeign(clear, { andThen: [fill] }).catch(meeting));
    days += 1;
  }
  return days;
}

/** Of two that make the sums of a day at the same time, the second makes them again. */
function meeting(cause: unknown): never {
  const met = cause instanceof DatabaseError && cause.kind === "duplicate";
  throw met ? new DatabaseError("conflict", cause.message, cause) : cause;
}

function statementsOf(day: number): [clear: Statement, fill: Statement] {
  const start = toDatetime(day);
  return [
    { text: "delete from tb_cdrinfo where day = ?", values: [start] },
    { text: INSERT, values: [start, start, toDatetime(day + DAY)] },
  ];
}
