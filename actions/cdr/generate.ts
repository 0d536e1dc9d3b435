/** Made-up call records, to try lists and sums on: they belong to nobody, cost nothing, and bear the mark TEST. */
import { randomInt, randomUUID } from "node:crypto";
import type { BoundValue, Session } from "../../engine/database/database.js";
import { toDatetime } from "../../engine/datetime.js";

export const TEST_MARK = "TEST";

const COLUMNS = "datum, sipcallid, callernumber, callednumber, duration, realduration, currency, mark, discreason";
const COLUMN_COUNT = COLUMNS.split(",").length;
const BATCH = 500;
/** Called where there is no price list. */
const NO_PRICES = ["1202555"];
const DIGITS = 11;
const LONGEST = 600;

/** Adds `count` records, spread over the last `days`, in batches that are each kept. */
export async function generate(session: Session, count: number, days: number, currency: string): Promise<void> {
  const { rows } = await session.run({
    text: "select prefix from tb_billentries where enabled = 1 order by id limit 1000",
    values: [],
  });
  const prefixes = rows.map((row) => String(row["prefix"]).replace(/\D/g, "")).filter((prefix) => prefix !== "");
  for (let left = count; left > 0; left -= BATCH) {
    const size = Math.min(left, BATCH);
    const row = `(${Array(COLUMN_COUNT).fill("?").join(", ")})`;
    await session.run({
      text: `insert into tb_cdrs (${COLUMNS}) values ${Array(size).fill(row).join(", ")}`,
      values: Array.from({ length: size }, () =>
        record(prefixes.length > 0 ? prefixes : NO_PRICES, days, currency),
      ).flat(),
    });
  }
}

/** A third of the calls is not answered. */
function record(prefixes: readonly string[], days: number, currency: string): BoundValue[] {
  const time = toDatetime(Date.now() - randomInt(days * 86_400) * 1_000);
  const prefix = prefixes[randomInt(prefixes.length)] ?? "";
  const rest = randomInt(10 ** Math.max(DIGITS - prefix.length, 3));
  const duration = randomInt(3) === 0 ? 0 : randomInt(1, LONGEST);
  const reason = duration === 0 ? "no answer" : "";
  return [time, `test-${randomUUID()}`, "test", `${prefix}${rest}`, duration, duration, currency, TEST_MARK, reason];
}
