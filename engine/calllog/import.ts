/** Adds the call records of a log to tb_cdrs: those whose SIP Call-ID is not there yet. Nothing is billed by it. */
import { parseAmount } from "../database/amount.js";
import type { BoundValue, Column, Session } from "../database/database.js";
import { fromDatetime, toDatetime } from "../datetime.js";
import type { LogRecord } from "./records.js";

/** A record of which every value fits its column. */
export interface CallRecord {
  sipcallid: string;
  values: ReadonlyMap<string, BoundValue>;
}

/** Characters of the columns that hold more than the usual 64, or less. */
const LENGTHS: Readonly<Record<string, number>> = {
  sipcallid: 128,
  discreason: 128,
  comment: 255,
  mark: 16,
  currency: 8,
};
const USUAL_LENGTH = 64;

/** Records of one statement. */
const BATCH = 200;

/** undefined where a value does not fit its column, or the Call-ID or the time lacks; what tb_cdrs has no column for is left out. */
export function callRecordOf({ fields }: LogRecord, columns: readonly Column[]): CallRecord | undefined {
  const values = new Map<string, BoundValue>();
  for (const column of columns) {
    const text = column.name === "id" ? undefined : fields?.get(column.name);
    if (text === undefined || text === "") continue;
    const value = valueFor(column, text);
    if (value === undefined) return undefined;
    values.set(column.name, value);
  }
  const sipcallid = values.get("sipcallid");
  return typeof sipcallid === "string" && values.has("datum") ? { sipcallid, values } : undefined;
}

function valueFor({ name, kind }: Column, text: string): BoundValue | undefined {
  switch (kind) {
    case "integer":
      return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
    case "decimal":
      return parseAmount(text) === undefined ? undefined : text;
    case "datetime": {
      const plain = text.replace("T", " ").replace(/Z$/, "");
      // A thirtieth of February would be read as another day, or refused by the database.
      return fromDatetime(plain) > 0 && toDatetime(fromDatetime(plain)) === plain ? plain : undefined;
    }
    default:
      return text.length <= (LENGTHS[name] ?? USUAL_LENGTH) ? text : undefined;
  }
}

/** Gives how many were added; of records with the same Call-ID the first. Run it in a transaction. */
export async function addCallRecords(
  records: readonly CallRecord[],
  columns: readonly Column[],
  session: Session,
): Promise<number> {
  const used = columns.filter(({ name }) => records.some(({ values }) => values.has(name)));
  let added = 0;
  for (let at = 0; at < records.length; at += BATCH) {
    const fresh = await withoutKnown(records.slice(at, at + BATCH), session);
    if (fresh.length === 0) continue;
    const row = `(${used.map(() => "?").join(", ")})`;
    const { changed } = await session.run({
      text: `insert into tb_cdrs (${used.map(({ name }) => name).join(", ")}) values ${fresh.map(() => row).join(", ")}`,
      values: fresh.flatMap(({ values }) => used.map((column) => values.get(column.name) ?? emptyOf(column))),
    });
    added += changed;
  }
  return added;
}

/** Columns that another record of the log has a value for. */
const emptyOf = ({ kind, name, nullable }: Column): BoundValue =>
  nullable ? null : name === "currency" ? "USD" : kind === "text" ? "" : 0;

async function withoutKnown(records: readonly CallRecord[], session: Session): Promise<CallRecord[]> {
  const { rows } = await session.run({
    text: `select sipcallid from tb_cdrs where sipcallid in (${records.map(() => "?").join(", ")})`,
    values: records.map(({ sipcallid }) => sipcallid),
  });
  const known = new Set(rows.map((row) => String(row["sipcallid"]).toLowerCase()));
  return records.filter(({ sipcallid }) => {
    const isNew = !known.has(sipcallid.toLowerCase());
    known.add(sipcallid.toLowerCase());
    return isNew;
  });
}
