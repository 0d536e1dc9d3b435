/** Messages: how they are coded, what became of them, and the codes that confirm a sign-up. */
import type { Knex } from "knex";
import { addColumns, makeTable } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await addColumns(knex, "tb_sms", ({ text, number, flag }) => {
    text("coding", 8);
    text("currency", 8);
    text("reason", 255);
    flag("refunded");
    // Of a message that came in: the sender and the provider's own id, so that it is taken once.
    text("inboundid", 255);
    // Of an answer by SMS: the message that it answers.
    number("answers");
  });
  await knex.schema.alterTable("tb_sms", (table) => {
    table.unique(["inboundid"]);
    table.index(["tonumber", "datum"]);
  });
  await makeTable(knex, "tb_smsparts", ({ id, number, whole, text }, table) => {
    id();
    number("smsid");
    whole("part", 1);
    text("providerid", 128).notNullable();
    // Empty until a report tells: delivered or failed.
    text("status", 16).notNullable().defaultTo("");
    table.unique(["smsid", "part"]);
    table.index(["providerid"]);
  });
  await makeTable(knex, "tb_smscodes", ({ id, number, long, whole, time }, table) => {
    id();
    number("userid");
    // Sealed
    long("code");
    whole("tries");
    time("expires").notNullable();
    table.unique(["userid"]);
    table.index(["expires"]);
  });
  await knex.schema.alterTable("tb_users", (table) => table.index(["phone"]));
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable("tb_users", (table) => table.dropIndex(["phone"]));
  for (const table of ["tb_smscodes", "tb_smsparts"]) await knex.schema.dropTable(table);
  await knex.schema.alterTable("tb_sms", (table) => {
    table.dropIndex(["tonumber", "datum"]);
    table.dropUnique(["inboundid"]);
    table.dropColumns("coding", "currency", "reason", "refunded", "inboundid", "answers");
  });
}
