/** What SQLite tells of the schema, and of statements before they run. */
import type { Row } from "../request.js";
import { makeSlices } from "../slices.js";
import { type Column, DatabaseError, type StatementFault } from "./database.js";
import { refuseOthers } from "./foreign.js";
import { onlyPlace, onlyWord } from "./places.js";
import { isDecimal, type SqliteConnection } from "./sqlite-connection.js";
import { subjectOf } from "./sqlite-errors.js";

export const SCHEMA = `select lower(m.name) as tablename, lower(p.name) as columnname, lower(p.type) as kind,
  p."notnull" = 0 and p.pk = 0 as nullable from sqlite_schema m, pragma_table_info(m.name) p
  where m.type in ('table', 'view') and m.name not like 'sqlite!_%' escape '!' order by m.name, p.cid`;

/** From the rows of {@link SCHEMA}. */
export function schemaOf(rows: readonly Row[]): Map<string, Column[]> {
  const tables = new Map<string, Column[]>();
  for (const row of rows) {
    const table = String(row["tablename"]);
    const column = {
      name: String(row["columnname"]),
      kind: kindOf(String(row["kind"])),
      nullable: row["nullable"] === 1,
    };
    tables.set(table, [...(tables.get(table) ?? []), column]);
  }
  return tables;
}

function kindOf(declared: string): Column["kind"] {
  if (isDecimal(declared)) return "decimal";
  if (/int/.test(declared)) return "integer";
  if (/date|time/.test(declared)) return "datetime";
  return /blob/.test(declared) ? "blob" : "text";
}

/** Answers the texts that can't be prepared. */
export async function checkStatements(
  connection: SqliteConnection,
  texts: Iterable<string>,
): Promise<Map<string, StatementFault>> {
  connection.readSchema();
  const faults = new Map<string, StatementFault>();
  const slice = makeSlices();
  for (const text of texts) {
    await slice();
    const fault = faultOf(text, connection);
    if (fault !== undefined) faults.set(text, fault);
  }
  return faults;
}

function faultOf(text: string, connection: SqliteConnection): StatementFault | undefined {
  try {
    refuseOthers(text, "sqlite");
    connection.tryToPrepare(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const subject = subjectOf((error.cause as Error | undefined)?.message ?? "");
    const offset = subject === undefined ? undefined : (onlyWord(text, subject) ?? onlyPlace(text, subject));
    return offset === undefined ? { message: error.message } : { message: error.message, offset };
  }
}
