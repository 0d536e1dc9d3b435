/** Kinds of columns, each with its form in either database. A migration names kinds, never types. */
import type { Knex } from "knex";
import { triggerText } from "./triggers.js";

type Column = Knex.ColumnBuilder;

export interface Columns {
  /** Number of the row, never used twice. */
  id(): Column;
  /** The id of a row of another table, or a number of any size. */
  number(name: string): Column;
  /** A whole number that may be absent. */
  optional(name: string): Column;
  /** A whole number with a default. */
  whole(name: string, standard?: number): Column;
  /** 1 or 0. */
  flag(name: string, standard?: 0 | 1): Column;
  /** Money: six places. */
  amount(name: string, standard?: string): Column;
  /** Text of at most so many characters, compared without regard to case. */
  text(name: string, length?: number): Column;
  /** Text of any length. */
  long(name: string): Column;
  /** UTC. */
  time(name: string): Column;
  /** UTC, now by default. */
  now(name: string): Column;
  /** UTC to the millisecond: when the row was changed last, kept by the database itself (see `touchOnChange`). */
  changed(): Column;
}

/** Makes a table with these columns. */
export async function makeTable(
  knex: Knex,
  name: string,
  build: (columns: Columns, table: Knex.CreateTableBuilder) => void,
): Promise<void> {
  const sqlite = knex.client.config.client === "better-sqlite3";
  const collation = sqlite ? "" : await caseless(knex);
  await knex.schema.createTable(name, (table) => {
    if (sqlite) return build(sqliteColumns(knex, table), table);
    table.engine("InnoDB");
    table.charset("utf8mb4");
    table.collate(collation);
    build(mariaDbColumns(knex, table), table);
  });
}

/** Adds columns to a table that is there. */
export async function addColumns(knex: Knex, name: string, build: (columns: Columns) => void): Promise<void> {
  const sqlite = knex.client.config.client === "better-sqlite3";
  await knex.schema.alterTable(name, (table) =>
    build(sqlite ? sqliteColumns(knex, table) : mariaDbColumns(knex, table)),
  );
}

/** Without regard to case, but with regard to spaces at the end, which SQLite doesn't forgive either. */
async function caseless(knex: Knex): Promise<string> {
  const [rows] = await knex.raw("select version() as version");
  return /mariadb/i.test(rows[0].version) ? "utf8mb4_general_nopad_ci" : "utf8mb4_0900_ai_ci";
}

/** On SQLite a trigger keeps the column `changed`; on MariaDB its own definition does. */
export async function touchOnChange(knex: Knex, table: string): Promise<void> {
  if (knex.client.config.client !== "better-sqlite3") return;
  await knex.raw(triggerText(table));
}

/** SQLite would take any text in any column: the rules hold them to their types, as MariaDB does. */
function sqliteColumns(knex: Knex, table: Knex.TableBuilder): Columns {
  const ruled = (name: string, type: string, stored: string) =>
    table.specificType(name, `${type} check (typeof("${name}") in ('${stored}', 'null'))`);
  const whole = (name: string) => ruled(name, "integer", "integer");
  const text = (name: string) => table.specificType(name, "text collate nocase");
  return {
    id: () => table.increments("id"),
    number: (name) => whole(name).notNullable().defaultTo(0),
    optional: (name) => whole(name),
    whole: (name, standard = 0) => whole(name).notNullable().defaultTo(standard),
    flag: (name, standard = 0) => whole(name).notNullable().defaultTo(standard),
    // With the affinity of a real, so that 10 / 4 is 2.5, and a sum of whole amounts is still a decimal
    amount: (name, standard = "0") =>
      ruled(name, "real decimal(18,6)", "real").notNullable().defaultTo(knex.raw(standard)),
    text,
    long: text,
    time: (name) => table.specificType(name, "datetime"),
    now: (name) => table.specificType(name, "datetime").notNullable().defaultTo(knex.raw("(datetime('now'))")),
    changed: () =>
      table
        .specificType("changed", "datetime")
        .notNullable()
        .defaultTo(knex.raw("(strftime('%Y-%m-%d %H:%M:%f', 'now'))")),
  };
}

function mariaDbColumns(knex: Knex, table: Knex.TableBuilder): Columns {
  return {
    id: () => table.specificType("id", "bigint auto_increment primary key"),
    number: (name) => table.bigInteger(name).notNullable().defaultTo(0),
    optional: (name) => table.integer(name),
    whole: (name, standard = 0) => table.integer(name).notNullable().defaultTo(standard),
    flag: (name, standard = 0) => table.integer(name).notNullable().defaultTo(standard),
    amount: (name, standard = "0") => table.decimal(name, 18, 6).notNullable().defaultTo(knex.raw(standard)),
    text: (name, length = 64) => table.string(name, length),
    long: (name) => table.text(name, "longtext"),
    time: (name) => table.datetime(name, { precision: 0 }),
    now: (name) => table.datetime(name, { precision: 0 }).notNullable().defaultTo(knex.raw("(utc_timestamp())")),
    changed: () =>
      table.specificType(
        "changed",
        "timestamp(3) not null default current_timestamp(3) on update current_timestamp(3)",
      ),
  };
}
