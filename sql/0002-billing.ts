/** Money: the ledger, PINs, price lists, invoices. */
import type { Knex } from "knex";
import { makeTable, touchOnChange } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_ledger", ({ id, now, number, amount, text }, table) => {
    id();
    now("datum");
    number("userid");
    amount("amount");
    amount("balance");
    text("kind");
    text("reference", 255);
    text("idempotencykey", 128);
    table.index(["userid", "id"]);
  });
  await makeTable(knex, "tb_prepaidcodes", ({ id, text, amount, flag, number, time }, table) => {
    id();
    text("code").notNullable();
    amount("credit");
    text("currency", 8).notNullable().defaultTo("USD");
    flag("enabled", 1);
    number("usedby");
    time("useddate");
    time("expires");
    table.unique(["code"]);
  });
  await makePriceLists(knex);
  await makeTable(knex, "tb_currencies", ({ id, text, amount }, table) => {
    id();
    text("code", 8).notNullable();
    text("sign", 8);
    amount("rate", "1");
    table.unique(["code"]);
  });
  await knex("tb_currencies").insert(SIGNS.map(([code, sign]) => ({ code, sign })));
  await makeTable(knex, "tb_invoices", ({ id, now, time, whole, number, text, amount }, table) => {
    id();
    now("datum");
    whole("type");
    number("userid");
    text("invoicenum");
    time("duedate");
    for (const name of ["vat", "invoiceprice", "invoiceprice_net", "paymentreceived", "debt", "pending"]) amount(name);
    text("currency", 8);
    text("comment", 255);
    table.index(["userid", "datum"]);
  });
}

/** Signs that stand before an amount; where there is none the code does. */
const SIGNS = [
  ["USD", "$"],
  ["EUR", "€"],
  ["GBP", "£"],
  ["JPY", "¥"],
  ["INR", "₹"],
  ["HUF", ""],
  ["CHF", ""],
] as const;

async function makePriceLists(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_billsources", ({ id, text, number, flag, changed }) => {
    id();
    text("name", 128).notNullable();
    number("resellerid");
    text("kind", 8).notNullable().defaultTo("call");
    text("currency", 8).notNullable().defaultTo("USD");
    flag("enabled", 1);
    changed();
  });
  await makeTable(knex, "tb_billentries", ({ id, number, text, amount, whole, flag, changed }, table) => {
    id();
    number("billsourceid");
    text("prefix", 32).notNullable();
    text("name", 128);
    amount("price");
    text("currency", 8).notNullable().defaultTo("USD");
    whole("billingstep", 60);
    whole("minduration");
    amount("connectfee");
    whole("freeafter");
    flag("enabled", 1);
    changed();
    table.index(["prefix"]);
    table.index(["billsourceid"]);
    table.index(["changed"]);
  });
  for (const name of ["tb_billsources", "tb_billentries"]) await touchOnChange(knex, name);
}

export async function down(knex: Knex): Promise<void> {
  const tables = ["tb_invoices", "tb_currencies", "tb_billentries", "tb_billsources", "tb_prepaidcodes", "tb_ledger"];
  for (const table of tables) await knex.schema.dropTable(table);
}
