/** The sample data of `make run`: users of several kinds, a price list, call records, PINs, phone numbers. */
import { readFile } from "node:fs/promises";
import { translateStatement } from "../template/compile.js";
import type { Database, Session } from "./database.js";

const FILE = new URL("../../../sql/sample.sql", import.meta.url);

/** Loads it, all or nothing, unless it is there already. */
export async function loadSample(database: Database): Promise<void> {
  const { rows } = await database.run({ text: "select id from tb_users where id = 1001", values: [] });
  if (rows.length > 0) return;
  await database.transaction(insertSample);
}

export async function insertSample(session: Session): Promise<void> {
  const lines = (await readFile(FILE, "utf8")).split("\n").filter((line) => line !== "" && !line.startsWith("--"));
  for (const line of lines) await session.run({ text: translateStatement(line, session.dialect).text, values: [] });
}
