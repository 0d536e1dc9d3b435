/** `dirid`: the row of the default price list with the longest prefix of the called number. */
import type { RateTable } from "../../engine/contracts.js";
import type { Session } from "../../engine/database/database.js";
import type { Row } from "../../engine/request.js";

const BATCH = 1_000;
/** Records that one statement changes: always so many places, so that there is one text. */
const AT_ONCE = 100;
const PLACES = Array(AT_ONCE).fill("?").join(", ");

/** In the order of the index; the next batch begins behind the last record of this one. */
const READ = `select id, datum, callednumber, dirid from tb_cdrs where datum >= ? and (datum > ? or id > ?)
  order by datum, id limit ${BATCH}`;

/** Sets the directions of the records since `since` that have another one, in batches. */
export async function setDirections(
  session: Session,
  rates: RateTable,
  since: string,
): Promise<{ seen: number; changed: number }> {
  await rates.refresh();
  let [datum, id, seen, changed] = [since, 0, 0, 0];
  for (;;) {
    const { rows } = await session.run({ text: READ, values: [datum, datum, id] });
    for (const [direction, ids] of wrong(rows, rates)) changed += await update(session, direction, ids);
    seen += rows.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH) return { seen, changed };
    [datum, id] = [String(last["datum"]), Number(last["id"])];
  }
}

/** Ids of the records that have another direction, by the right one. */
function wrong(rows: readonly Row[], rates: RateTable): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const row of rows) {
    const number = String(row["callednumber"] ?? "").replace(/^(\+|00)/, "");
    const direction = /^\d+$/.test(number) ? (rates.find(number, 0, "call")?.id ?? 0) : 0;
    if (direction === row["dirid"]) continue;
    const ids = found.get(direction) ?? [];
    found.set(direction, ids);
    ids.push(Number(row["id"]));
  }
  return found;
}

async function update(session: Session, direction: number, ids: readonly number[]): Promise<number> {
  for (let first = 0; first < ids.length; first += AT_ONCE) {
    const some = ids.slice(first, first + AT_ONCE);
    const filled = [...some, ...Array<number>(AT_ONCE - some.length).fill(some[0] as number)];
    await session.run({ text: `update tb_cdrs set dirid = ? where id in (${PLACES})`, values: [direction, ...filled] });
  }
  return ids.length;
}
