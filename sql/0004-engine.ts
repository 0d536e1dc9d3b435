/** The engine's own: definitions and their history, options, the outbox, schedules, and what servers share. */
import type { Knex } from "knex";
import { makeTable } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await makeDefinitions(knex);
  await makeWork(knex);
  await makeShared(knex);
}

async function makeDefinitions(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_api", ({ id, text, flag, whole, optional, amount, long }, table) => {
    id();
    text("fname").notNullable();
    flag("req_key", 1);
    flag("req_ip");
    whole("req_user");
    whole("req_user_mode");
    amount("req_user_credit");
    optional("req_user_register");
    optional("req_user_login");
    long("customsql");
    optional("custom_action");
    long("custom_action_body");
    flag("enabled", 1);
    text("comment", 255);
    table.unique(["fname"]);
  });
  await makeTable(knex, "tb_apigeneration", ({ number, now, text }, table) => {
    number("id");
    number("generation");
    now("datum");
    text("byuser");
    table.primary(["id"]);
  });
  await makeTable(knex, "tb_apihistory", ({ id, number, now, text, long }, table) => {
    id();
    number("generation");
    now("datum");
    text("byuser");
    text("fname").notNullable();
    long("oldrow");
    long("newrow");
    table.index(["generation"]);
    table.index(["fname", "generation"]);
  });
  await makeTable(knex, "tb_settings", ({ id, text, long }, table) => {
    id();
    text("name").notNullable();
    long("val");
    text("comment", 255);
    table.unique(["name"]);
  });
}

async function makeWork(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_outbox", ({ id, text, long, whole, now, time, number }, table) => {
    id();
    text("kind").notNullable();
    text("lane");
    long("body");
    text("state", 16).notNullable().defaultTo("waiting");
    whole("tries");
    now("nexttry");
    text("claimedby");
    time("claimeduntil");
    long("lasterror");
    text("entry");
    number("userid");
    now("datum");
    table.index(["state", "nexttry"]);
    table.index(["lane", "id"]);
  });
  await makeTable(knex, "tb_scheduledtasks", ({ id, text, long, flag, time }, table) => {
    id();
    text("name", 128).notNullable();
    text("cron").notNullable();
    long("sqlcommand");
    text("action");
    long("actionbody");
    flag("enabled", 1);
    time("lastrun");
    long("lastresult");
    time("nextrun");
    table.unique(["name"]);
  });
  await makeTable(knex, "tb_idempotency", ({ id, number, text, long, now }, table) => {
    id();
    number("userid");
    text("entry").notNullable();
    text("idempotencykey", 128).notNullable();
    text("fingerprint", 128);
    long("answer");
    now("datum");
    table.unique(["userid", "idempotencykey"]);
    table.index(["datum"]);
  });
}

async function makeShared(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_bannedip", ({ text, now, time }, table) => {
    text("ip").notNullable();
    text("reason", 255);
    now("datum");
    time("until");
    table.primary(["ip"]);
  });
  await makeTable(knex, "tb_nonces", ({ text, number, now, time, flag }, table) => {
    text("nonce").notNullable();
    number("userid");
    text("address");
    now("issued");
    time("expires").notNullable();
    flag("used");
    table.primary(["nonce"]);
    table.index(["expires"]);
  });
  await makeTable(knex, "tb_throttle", ({ text, number, time }, table) => {
    text("name", 128).notNullable();
    number("points");
    time("expires").notNullable();
    table.primary(["name"]);
    table.index(["expires"]);
  });
}

export async function down(knex: Knex): Promise<void> {
  const shared = ["tb_throttle", "tb_nonces", "tb_bannedip"];
  const work = ["tb_idempotency", "tb_scheduledtasks", "tb_outbox"];
  const definitions = ["tb_settings", "tb_apihistory", "tb_apigeneration", "tb_api"];
  for (const table of [...shared, ...work, ...definitions]) await knex.schema.dropTable(table);
}
