/** Users and what belongs to them. */
import type { Knex } from "knex";
import { type Columns, makeTable } from "./columns.js";

export async function up(knex: Knex): Promise<void> {
  await makeTable(knex, "tb_users", (columns, table) => {
    whoTheyAre(columns);
    howTheySignIn(columns);
    whatTheyPay(columns);
    howTheyCall(columns);
    table.unique(["username"]);
    table.index(["pinhash"]);
    table.index(["parentid"]);
    table.index(["telnumber"]);
    table.index(["name"]);
    table.index(["email"]);
    table.index(["status", "statusdate"]);
  });
  await makeTable(knex, "tb_users_authip", ({ id, number, text }, table) => {
    id();
    number("userid");
    text("ip").notNullable();
    table.index(["userid"]);
  });
  await makeTable(knex, "tb_pinless", ({ id, number, text }, table) => {
    id();
    number("userid");
    text("number").notNullable();
    table.unique(["number"]);
    table.index(["userid"]);
  });
  await makeTable(knex, "tb_callbacknumbers", ({ id, number, text }, table) => {
    id();
    number("userid");
    text("number").notNullable();
    table.index(["userid"]);
  });
  await makeTable(knex, "tb_phonenumbers", ({ id, flag, number, text, time }, table) => {
    id();
    text("number").notNullable();
    flag("free", 1);
    number("location");
    time("lockedat");
    table.unique(["number"]);
    table.index(["free", "id"]);
    table.index(["location"]);
  });
}

export async function down(knex: Knex): Promise<void> {
  const tables = ["tb_phonenumbers", "tb_callbacknumbers", "tb_pinless", "tb_users_authip", "tb_users"];
  for (const table of tables) await knex.schema.dropTable(table);
}

function whoTheyAre({ id, whole, number, text, long, now, flag }: Columns): void {
  id();
  whole("type");
  whole("rights", 30);
  number("parentid");
  text("username").notNullable();
  for (const name of ["name", "displayname", "contactname"]) text(name, 128);
  for (const name of ["email", "email2", "address", "billaddress", "postaddress", "comment"]) text(name, 255);
  for (const name of ["phone", "fax", "telnumber", "shorttelnumber", "country", "regnumber", "euregnumber"]) text(name);
  for (const name of ["birthday", "gender", "language", "utc", "brandname"]) text(name);
  for (const name of ["forgotpasswordquestion", "forgotpasswordanswer"]) long(name);
  flag("enabled", 1);
  flag("temporarydisabled");
  now("adddate");
  number("addedby");
  number("usergroup");
}

function howTheySignIn({ whole, optional, text, long, time }: Columns): void {
  // Sealed, so that they are longer than what was typed
  long("password");
  long("pin");
  text("pinhash");
  whole("needauth", 4);
  for (const name of ["ip", "authip", "domain", "proxy", "transport", "techprefix", "regip"]) text(name);
  whole("port", 5060);
  text("routing");
  whole("routingpriority");
  whole("status");
  time("statusdate");
  optional("regival");
}

function whatTheyPay({ amount, text, flag, number, whole, optional }: Columns): void {
  amount("credit");
  text("currency", 8).notNullable().defaultTo("USD");
  flag("postpaid");
  number("packetid");
  number("billinguserid");
  amount("commission");
  optional("billingday");
  whole("contractstate");
  whole("paymentmode");
  flag("usecallingcard");
}

/** What a user may set alone, with `setfield`. */
function howTheyCall({ text, flag, number, optional, whole }: Columns): void {
  for (const name of ["forwardonbusy", "forwardonnoanswer", "forwardalways", "musiconhold", "choosecodecs"]) text(name);
  for (const name of SWITCHES) flag(name);
  optional("noanswertimeout");
  number("ringgroup");
  whole("rgmode");
}

const SWITCHES = [
  "voicemail",
  "voicemailonbusy",
  "voicemailonnoansw",
  "voicemailalways",
  "forwarddearlystart",
  "changesptoring",
  "convertdtmf",
  "playadv",
  "playdisc",
  "sendsmsalert",
  "sendemailalert",
  "sendsmsreport",
  "senddailyemail",
  "sendlowcreditemail",
  "sendmonthlyemail",
  "sendotheremail",
  "notifymissedsms",
  "notifymissedemail",
  "needcodeconversion",
  "discvoice",
  "connectvoice",
];
