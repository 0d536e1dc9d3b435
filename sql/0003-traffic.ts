/** Calls, messages and presence. */
import type { Knex } from "knex";
import { makeTable } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await makeCalls(knex);
  await makeMessages(knex);
}

async function makeCalls(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_cdrs", (columns, table) => {
    const { id, now, number, text, whole, amount } = columns;
    id();
    now("datum");
    text("sipcallid", 128);
    for (const name of ["callerid", "calledid", "dirid", "billingentry", "resellerid"]) number(name);
    for (const name of ["callernumber", "callednumber", "origcallerid", "accessnumber"]) text(name);
    for (const name of ["duration", "realduration", "billingstep"]) whole(name);
    const costs = ["cost", "costenduser", "costprovider", "costcompany", "costsales", "costother", "unitprice"];
    for (const name of costs) amount(name);
    text("currency", 8).notNullable().defaultTo("USD");
    text("mark", 16);
    text("discreason", 128);
    text("comment", 255);
    table.index(["datum"]);
    table.index(["callerid", "datum"]);
    table.index(["calledid", "datum"]);
    table.index(["sipcallid"]);
  });
}

async function makeMessages(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_sms", ({ id, now, text, number, long, whole, amount }, table) => {
    id();
    now("datum");
    text("direction", 8);
    number("userid");
    for (const name of ["fromnumber", "tonumber"]) text(name);
    long("body");
    whole("parts", 1);
    amount("cost");
    text("status", 16);
    text("providerid", 128);
    table.index(["userid", "datum"]);
    table.index(["providerid"]);
  });
  await makeTable(knex, "tb_presence", ({ number, text, now }, table) => {
    number("userid");
    text("pstatus");
    now("datum");
    table.primary(["userid"]);
  });
  await makeTable(knex, "tb_offmessages", ({ id, number, long, now }, table) => {
    id();
    number("fromuser");
    number("touser");
    long("body");
    now("datum");
    table.index(["touser"]);
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of ["tb_offmessages", "tb_presence", "tb_sms", "tb_cdrs"]) await knex.schema.dropTable(table);
}
