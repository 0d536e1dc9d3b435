/** Card payments, and what proving PINs against the ledger looks for. */
import type { Knex } from "knex";
import { makeTable } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_payments", ({ id, now, time, number, text, amount }, table) => {
    id();
    now("datum");
    // Sent to the gateway, which knows the payment by it
    text("reference").notNullable();
    number("userid");
    amount("amount");
    text("currency", 8).notNullable();
    // pending, booked, declined, unclear
    text("state", 16).notNullable().defaultTo("pending");
    text("detail", 128);
    text("idempotencykey", 128);
    time("settled");
    table.unique(["reference"]);
    table.unique(["userid", "idempotencykey"]);
    table.index(["state", "datum"]);
  });
  await knex.schema.alterTable("tb_ledger", (table) => {
    table.index(["kind", "reference"]);
  });
  await knex.schema.alterTable("tb_prepaidcodes", (table) => {
    table.index(["usedby"]);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable("tb_prepaidcodes", (table) => {
    table.dropIndex(["usedby"]);
  });
  await knex.schema.alterTable("tb_ledger", (table) => {
    table.dropIndex(["kind", "reference"]);
  });
  await knex.schema.dropTable("tb_payments");
}
