/** A number that changes when the options were read again, so that all servers of the database do the same. */
import type { Knex } from "knex";
import { addColumns } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await addColumns(knex, "tb_apigeneration", ({ number }) => number("settings"));
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable("tb_apigeneration", (table) => table.dropColumns("settings"));
}
