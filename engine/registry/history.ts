/** The rows that are in force, by generation: what every server of the database serves, and what undo goes back to. */
import { batchesOf } from "../batches.js";
import { type Database, DatabaseError, type Session, type Statement } from "../database/database.js";
import { toDatetime } from "../datetime.js";
import type { Cell } from "../request.js";
import { makeSlices } from "../slices.js";
import type { RowTexts } from "./build.js";
import { type ApiRow, ROW_COLUMNS } from "./from-rows.js";

/** The rows of one generation. */
export interface Applied {
  generation: number;
  rows: RowTexts;
}

/** What a row was and what it became, as JSON; undefined where there was none. */
export interface RowChange {
  name: string;
  before: string | undefined;
  after: string | undefined;
}

const GENERATION: Statement = { text: "select generation from tb_apigeneration where id = 1", values: [] };
const COLUMNS = ROW_COLUMNS.join(", ");
/** Rows of tb_api that one statement reads. */
const PAGE = 1_000;
/** Rows of the history that one statement inserts. */
const TOGETHER = { items: 500, characters: 1_000_000 };

/** 0 before the first. */
export async function readGeneration(session: Session): Promise<number> {
  const { rows } = await session.run(GENERATION);
  return Number(rows[0]?.["generation"] ?? 0);
}

/** The rows as they stand in tb_api now; read in pages, since SQLite reads in place. */
export async function readLiveRows(session: Session): Promise<Map<string, string>> {
  const slice = makeSlices();
  const live = new Map<string, string>();
  let last: Cell = 0;
  for (;;) {
    const { rows } = await session.run({
      text: `select id, ${COLUMNS} from tb_api where id > ? order by id limit ${PAGE}`,
      values: [last],
    });
    for (const { id: _, ...row } of rows) live.set(String(row["fname"]).toLowerCase(), JSON.stringify(row));
    if (rows.length < PAGE) return live;
    last = rows.at(-1)?.["id"] ?? last;
    await slice();
  }
}

/** The rows of the generation in force. */
export async function readApplied(session: Session): Promise<Applied> {
  const generation = await readGeneration(session);
  const { rows } = await session.run({
    // By id: a join over names would compare every name with every other one on MariaDB.
    text: `select fname, newrow from tb_apihistory where newrow is not null
      and id in (select max(id) from tb_apihistory where generation <= ? group by fname)`,
    values: [generation],
  });
  return { generation, rows: new Map(rows.map(({ fname, newrow }) => [String(fname), String(newrow)])) };
}

export function changesBetween(before: RowTexts, after: RowTexts): RowChange[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .map((name) => ({ name, before: before.get(name), after: after.get(name) }))
    .filter((change) => change.before !== change.after);
}

/** The changes of the last generation that had some; none before the first. */
export async function readLastChanges(session: Session): Promise<RowChange[]> {
  const { rows } = await session.run({
    text: "select fname, oldrow, newrow from tb_apihistory where generation = (select max(generation) from tb_apihistory)",
    values: [],
  });
  const text = (cell: Cell | undefined) => (typeof cell === "string" ? cell : undefined);
  return rows.map((row) => ({ name: String(row["fname"]), before: text(row["oldrow"]), after: text(row["newrow"]) }));
}

export interface NewGeneration {
  /** The generation that it follows. */
  base: number;
  by: string;
  changes: readonly RowChange[];
  /** More to be written in the same transaction. */
  also?: readonly Statement[];
}

class Overtaken extends Error {}

/** Writes a generation and its changes, all or nothing; undefined when another server was first. Errors: DatabaseError. */
export async function record(
  database: Database,
  { base, by, changes, also = [] }: NewGeneration,
): Promise<number | undefined> {
  const generation = base + 1;
  const datum = toDatetime(Date.now());
  const author = by.slice(0, 64);
  try {
    await database.transaction(async (session) => {
      const { changed } = await session.run({
        text: "update tb_apigeneration set generation = ?, datum = ?, byuser = ? where id = 1 and generation = ?",
        values: [generation, datum, author, base],
      });
      if (changed !== 1) throw new Overtaken();
      for (const statement of also) await session.run(statement);
      const slice = makeSlices();
      for (const batch of batchesOf(changes, lengthOf, TOGETHER)) {
        // The generation as text: a number takes MariaDB's driver ten times as long.
        await session.run(insertion(batch, [String(generation), datum, author]));
        await slice();
      }
    });
    return generation;
  } catch (cause) {
    if (cause instanceof Overtaken) return undefined;
    throw cause;
  }
}

const lengthOf = ({ before, after }: RowChange): number => (before?.length ?? 0) + (after?.length ?? 0);

const insertion = (changes: readonly RowChange[], common: readonly string[]): Statement => ({
  text: `insert into tb_apihistory (generation, datum, byuser, fname, oldrow, newrow) values ${changes.map(() => "(?, ?, ?, ?, ?, ?)").join(", ")}`,
  values: changes.flatMap(({ name, before, after }) => [...common, name, before ?? null, after ?? null]),
});

/** Brings tb_api to what the rows were before the changes. */
export const inverseStatements = (changes: readonly RowChange[]): Statement[] =>
  changes.flatMap(({ name, before }) => {
    const removal: Statement = { text: "delete from tb_api where fname = ?", values: [name] };
    if (before === undefined) return [removal];
    const row = JSON.parse(before) as ApiRow;
    const values = ROW_COLUMNS.map((column) => row[column] ?? null);
    return [removal, { text: `insert into tb_api (${COLUMNS}) values (${values.map(() => "?").join(", ")})`, values }];
  });

/** The row that counts generations, where it is not there yet. */
export async function beginHistory(database: Database): Promise<void> {
  const { rows } = await database.run(GENERATION);
  if (rows.length > 0) return;
  try {
    await database.run({ text: "insert into tb_apigeneration (id, generation, byuser) values (1, 0, '')", values: [] });
  } catch (cause) {
    // Another server that starts at the same time was first.
    if (!(cause instanceof DatabaseError && cause.kind === "duplicate")) throw cause;
  }
}
