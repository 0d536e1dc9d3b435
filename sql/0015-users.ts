/** Conference rooms, web softphones, fast registrations, and the delivery of chat messages. */
import type { Knex } from "knex";
import { addColumns } from "./columns.js";

const OF_USERS = ["confroom", "companyname", "upperserver", "upperserverdomain", "fastregpassword"];

export async function up(knex: Knex): Promise<void> {
  await addColumns(knex, "tb_users", ({ text, long }) => {
    text("confroom");
    text("companyname", 128);
    for (const name of ["upperserver", "upperserverdomain"]) text(name, 255);
    // Sealed
    long("fastregpassword");
  });
  await knex.schema.alterTable("tb_users", (table) => {
    table.unique(["confroom"]);
    table.index(["ringgroup"]);
  });
  // 1 within the transaction that delivers a message and removes it
  await addColumns(knex, "tb_offmessages", ({ flag }) => {
    flag("taken");
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable("tb_offmessages", (table) => table.dropColumn("taken"));
  await knex.schema.alterTable("tb_users", (table) => {
    table.dropUnique(["confroom"]);
    table.dropIndex(["ringgroup"]);
    table.dropColumns(...OF_USERS);
  });
}
