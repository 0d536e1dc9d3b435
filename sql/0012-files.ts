/** Files: who owns those of the public storage, the recordings that there are, ini keys, faxes. */
import type { Knex } from "knex";
import { makeTable } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_files", ({ id, text, number, now }, table) => {
    id();
    text("name", 255).notNullable();
    number("userid");
    number("size");
    now("datum");
    table.unique(["name"]);
    table.index(["userid"]);
  });
  await makeTable(knex, "tb_recordings", ({ id, text, number, now }, table) => {
    id();
    text("file", 400).notNullable();
    text("sipcallid", 128);
    // The call's row in tb_cdrs; 0 for a file without one
    number("cdrid");
    number("size");
    now("datum");
    table.index(["file"]);
    table.index(["cdrid"]);
    table.index(["sipcallid"]);
  });
  await makeTable(knex, "tb_inikeys", ({ id, text, long, flag, now }, table) => {
    id();
    text("module").notNullable();
    text("file", 200).notNullable();
    text("section", 128).notNullable();
    text("inikey", 128).notNullable();
    long("val");
    // 0 until the value stands in the file
    flag("saved");
    now("datum");
    table.unique(["file", "section", "inikey"]);
    table.index(["saved"]);
  });
  await makeTable(knex, "tb_faxes", ({ id, number, text, now }, table) => {
    id();
    number("userid");
    for (const name of ["fromnumber", "tonumber"]) text(name);
    text("file", 255).notNullable();
    // queued, sent or failed
    text("status", 16).notNullable().defaultTo("queued");
    text("reason", 255);
    now("datum");
    table.index(["userid", "datum"]);
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of ["tb_faxes", "tb_inikeys", "tb_recordings", "tb_files"]) await knex.schema.dropTable(table);
}
