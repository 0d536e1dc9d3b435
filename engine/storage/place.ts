/** What a database is asked to tell whether another one can stand in its place. */
import type { PlaceState } from "../contracts.js";
import type { Session } from "../database/database.js";

export interface Contents {
  /** Name of the last migration. */
  migration: string;
  users: number;
  /** Id of the last row of the ledger: of two copies the later one has the greater. */
  ledger: number;
}

export async function lastMigration(session: Session): Promise<string> {
  const { rows } = await session.run({ text: "select name from tb_migrations order by id desc limit 1", values: [] });
  return String(rows[0]?.["name"] ?? "");
}

/** Errors: DatabaseError, also where the tables are not there. */
export async function stateOf(session: Session): Promise<Contents> {
  const migration = await lastMigration(session);
  const { rows } = await session.run({
    text: "select (select count(*) from tb_users) as users, (select coalesce(max(id), 0) from tb_ledger) as ledger",
    values: [],
  });
  return { migration, users: Number(rows[0]?.["users"]), ledger: Number(rows[0]?.["ledger"]) };
}

export const placeState = (place: number, state: string, contents?: Contents): PlaceState => ({
  database: place,
  state,
  users: contents?.users ?? null,
  "last ledger row": contents?.ledger ?? null,
  migration: contents?.migration ?? null,
});
