/** Codes by which a forgotten password is set anew, where push notifications go, and what the outbox's worker looks for. */
import type { Knex } from "knex";
import { makeTable } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_passwordresets", ({ id, number, text, whole, flag, now, time }, table) => {
    id();
    number("userid");
    text("email", 255).notNullable();
    text("codehash", 64).notNullable();
    whole("tries");
    flag("used");
    now("datum");
    time("expires").notNullable();
    table.index(["email"]);
    table.index(["userid", "datum"]);
    table.index(["expires"]);
  });
  await makeTable(knex, "tb_pushtokens", ({ id, number, text, long, now }, table) => {
    id();
    number("userid");
    long("token").notNullable();
    text("platform");
    text("package", 255);
    now("datum");
    table.index(["userid"]);
  });
  await knex.schema.alterTable("tb_outbox", (table) => table.index(["kind", "state", "nexttry"]));
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable("tb_outbox", (table) => table.dropIndex(["kind", "state", "nexttry"]));
  for (const table of ["tb_pushtokens", "tb_passwordresets"]) await knex.schema.dropTable(table);
}
