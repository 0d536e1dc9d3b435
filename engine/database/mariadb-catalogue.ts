/** What MariaDB and MySQL tell of the schema, and of statements before they run. */
import type { Connection } from "mysql2";
import { batchesOf } from "../batches.js";
import type { Row } from "../request.js";
import type { Column, StatementFault } from "./database.js";
import { mariaDbError, nearOf } from "./mariadb-errors.js";
import { onlyPlace, onlyWord } from "./places.js";

export const SCHEMA = `select lower(table_name) as tablename, lower(column_name) as columnname, data_type as kind,
  is_nullable as nullable from information_schema.columns where table_schema = database()
  order by table_name, ordinal_position`;

const KINDS: readonly [RegExp, Column["kind"]][] = [
  [/int|^year$|^bit$/, "integer"],
  [/decimal|numeric|float|double/, "decimal"],
  [/date|time/, "datetime"],
  [/blob|binary/, "blob"],
];

/** From the rows of {@link SCHEMA}. */
export function schemaOf(rows: readonly Row[]): Map<string, Column[]> {
  const tables = new Map<string, Column[]>();
  for (const row of rows) {
    const table = String(row["tablename"]);
    const type = String(row["kind"]);
    const kind = KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? "text";
    const column = { name: String(row["columnname"]), kind, nullable: row["nullable"] === "YES" };
    tables.set(table, [...(tables.get(table) ?? []), column]);
  }
  return tables;
}

/** Not every server prepares every kind of statement: 1295 says nothing of a fault. */
const NOT_PREPARABLE = 1295;

interface ServerError {
  errno?: number;
  sqlMessage?: string;
}

/** What goes in one message: a round trip for each statement was most of a reload of thousands. */
const TOGETHER = { items: 400, characters: 200_000 };

/** The texts for {@link checkStatements}. */
export const textBatches = (texts: Iterable<string>): Iterable<readonly string[]> =>
  batchesOf(new Set(texts), (text) => text.length, TOGETHER);

/**
 * Prepares the texts and adds the faulty ones to `faults`. `connection` takes several statements in one message; others
 * may take batches from the same `batches` meanwhile. Errors: DatabaseError "unavailable".
 */
export async function checkStatements(
  connection: Connection,
  batches: Iterable<readonly string[]>,
  faults: Map<string, StatementFault>,
): Promise<void> {
  for (const some of batches) {
    if (await areAllGood(connection, some)) continue;
    for (const text of some) {
      const fault = await faultOf(connection, text);
      if (fault !== undefined) faults.set(text, fault);
    }
  }
}

/** As hexadecimal digits no text can end its own literal. */
const areAllGood = (connection: Connection, texts: readonly string[]): Promise<boolean> =>
  new Promise((resolve) => {
    const message = texts.map(
      (text) => `set @checked = _utf8mb4 x'${Buffer.from(text).toString("hex")}'; prepare checked from @checked`,
    );
    connection.query(message.join(";"), (error) => resolve(error === null));
  });

async function faultOf(connection: Connection, text: string): Promise<StatementFault | undefined> {
  const error = await preparing(connection, text);
  if (error === null || error.errno === NOT_PREPARABLE) return undefined;
  const { kind, message } = mariaDbError(error);
  if (kind === "unavailable") throw mariaDbError(error);
  const offset = offsetOf(text, nearOf(error.sqlMessage ?? ""), message);
  return offset === undefined ? { message } : { message, offset };
}

const preparing = (connection: Connection, text: string): Promise<ServerError | null> =>
  new Promise((resolve) => {
    connection.prepare(text, (error) => {
      connection.unprepare(text);
      resolve(error as ServerError | null);
    });
  });

/** Where in the text the fault is: where the parser stopped, or the only place that has the name. */
function offsetOf(text: string, near: string, message: string): number | undefined {
  if (near !== "") return onlyPlace(text, near);
  const name = /'([^']+)'/.exec(message)?.[1]?.split(".").at(-1);
  return name === undefined ? undefined : onlyWord(text, name);
}
