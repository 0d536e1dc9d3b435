/** Call records: the fields that were missing, an index for each way of looking for them, and their daily sums. */
import type { Knex } from "knex";
import { addColumns, makeTable } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await addColumns(knex, "tb_cdrs", ({ whole }) => {
    for (const name of ["origduration", "alegduration", "blegduration"]) whole(name);
  });
  await knex.schema.alterTable("tb_cdrs", (table) => {
    table.index(["callernumber", "datum"]);
    table.index(["callednumber", "datum"]);
  });
  if (await holdsEachCallOnce(knex))
    await knex.schema.alterTable("tb_cdrs", (table) => {
      table.dropIndex(["sipcallid"]);
      table.unique(["sipcallid"]);
    });
  await makeTable(knex, "tb_cdrinfo", ({ id, time, text, number, whole, amount }, table) => {
    id();
    time("day").notNullable();
    number("userid");
    text("currency", 8).notNullable();
    for (const name of ["calls", "connected"]) whole(name);
    number("duration");
    for (const name of ["costenduser", "costprovider", "costcompany", "costsales", "costother"]) amount(name);
    table.unique(["day", "userid", "currency"]);
    table.index(["userid", "day"]);
  });
}

/** Records that another system has left may hold a call twice: these keep their plain index. */
async function holdsEachCallOnce(knex: Knex): Promise<boolean> {
  await knex("tb_cdrs").where("sipcallid", "").update({ sipcallid: null });
  const twice = await knex("tb_cdrs")
    .select("sipcallid")
    .whereNotNull("sipcallid")
    .groupBy("sipcallid")
    .having(knex.raw("count(*) > 1"))
    .limit(1);
  return twice.length === 0;
}

/** That each call is held once stays: it goes with the table. */
export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable("tb_cdrinfo");
  await knex.schema.alterTable("tb_cdrs", (table) => {
    table.dropIndex(["callernumber", "datum"]);
    table.dropIndex(["callednumber", "datum"]);
    table.dropColumns("origduration", "alegduration", "blegduration");
  });
}
