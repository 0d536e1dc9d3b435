/** Statements whose parts depend on the request, made by knex: it quotes the names and binds the values. */
import knex, { type Knex } from "knex";
import type { BoundValue, Dialect, QueryResult, Session, Statement } from "./database.js";

/** Builders without a connection: they make text and bindings, a session runs them. */
export const builders: Readonly<Record<Dialect, Knex>> = {
  sqlite: knex({ client: "better-sqlite3", useNullAsDefault: true }),
  mariadb: knex({ client: "mysql2" }),
};

export function statementOf(query: Knex.QueryBuilder): Statement {
  const { sql, bindings } = query.toSQL().toNative();
  return { text: sql, values: bindings as BoundValue[] };
}

export const send = (session: Session, query: Knex.QueryBuilder): Promise<QueryResult> =>
  session.run(statementOf(query));
