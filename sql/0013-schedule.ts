/** Scheduled tasks: what they need beyond a cron expression; and who changed what. */
import type { Knex } from "knex";
import { addColumns, makeTable } from "./columns.js";

const ADDED = ["timezone", "eachrow", "catchup", "nextfor", "runningby", "runninguntil"];

export async function up(knex: Knex): Promise<void> {
  await addColumns(knex, "tb_scheduledtasks", ({ text, flag, time }) => {
    text("timezone");
    flag("eachrow");
    flag("catchup");
    // The schedule for which nextrun was found: a changed one has another
    text("nextfor", 160);
    text("runningby");
    time("runninguntil");
  });
  await makeTable(knex, "tb_audit", ({ id, now, number, text, long }, table) => {
    id();
    now("datum");
    number("userid");
    text("username", 128);
    text("address");
    text("entry");
    text("what", 32);
    long("detail");
    table.index(["datum"]);
    table.index(["username", "datum"]);
    table.index(["what", "datum"]);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable("tb_audit");
  await knex.schema.alterTable("tb_scheduledtasks", (table) => table.dropColumns(...ADDED));
}
