/** The tables kept in order: what is out of date removed in small batches, statistics for the planner, triggers. */
import type { Action, ActionContext, Input } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import type { Statement } from "../engine/database/database.js";
import { DAY, toDatetime } from "../engine/datetime.js";
import { ApiError } from "../engine/errors.js";
import type { Row } from "../engine/request.js";
import { triggerName, triggerText } from "../sql/triggers.js";

/** Rows of one batch; between two batches others have their turn. */
const BATCH = 500;
/** Batches of one run: what is left goes with the next. */
const MOST_BATCHES = 2_000;
/** Milliseconds for one table's statistics. */
const TIME = 45_000;

/** What may be removed: rows by their column of time, by a condition, or by both. */
type Rule = { column: string; only?: string } | { column?: undefined; only: string };

/** By table. Money's history is not among them. */
const PURGED: Readonly<Record<string, Rule>> = {
  tb_nonces: { column: "expires" },
  tb_bannedip: { column: "until" },
  tb_throttle: { column: "expires" },
  tb_idempotency: { column: "datum" },
  tb_outbox: { column: "datum", only: "state = 'failed'" },
  tb_audit: { column: "datum" },
  tb_offmessages: { column: "datum" },
  tb_presence: { column: "datum" },
  // A message that waits is sent or refunded yet.
  tb_sms: { column: "datum", only: "coalesce(status, '') <> 'queued'" },
  tb_smsparts: { only: "smsid < (select coalesce(min(id), 0) from tb_sms)" },
  tb_cdrs: { column: "datum" },
  // The newest row of each name is what is in force.
  tb_apihistory: {
    column: "datum",
    only: "id not in (select newest from (select max(id) as newest from tb_apihistory group by fname) as kept) and generation < (select generation from tb_apigeneration where id = 1)",
  },
};

/** Rows older than so many days; those whose time has passed where no days are given. */
async function purge(input: Input, { services }: ActionContext) {
  const table = cellText(input["table"]);
  const rule = PURGED[table];
  if (rule === undefined) throw new ApiError("wrong parameter", `table: rows of ${table} are never removed`);
  const days = input["days"] === undefined || input["days"] === null ? 0 : Number(input["days"]);
  if (input["days"] !== undefined && days === 0) return { count: 0 };
  const statement = purgeStatement(table, rule, toDatetime(Date.now() - days * DAY), services.database.dialect);
  let count = 0;
  for (let batch = 0; batch < MOST_BATCHES; batch += 1) {
    const { changed } = await services.database.run(statement);
    count += changed;
    if (changed < BATCH) break;
  }
  return { count };
}

/** The names are those of the list above. */
function purgeStatement(table: string, { column, only }: Rule, before: string, dialect: string): Statement {
  const isPast = column === undefined ? undefined : `${column} < ?`;
  const which = [isPast, only].filter((condition) => condition !== undefined).join(" and ");
  const text =
    dialect === "sqlite"
      ? `delete from ${table} where rowid in (select rowid from ${table} where ${which} limit ${BATCH})`
      : `delete from ${table} where ${which} limit ${BATCH}`;
  return { text, values: column === undefined ? [] : [before] };
}

/** Triggers that the tables should have: dropped and made again. */
async function renewTriggers({ session, services }: ActionContext) {
  if (session.dialect !== "sqlite") return { count: 0 };
  const schema = await services.database.schema();
  const tables = [...schema].filter(
    ([name, columns]) => name.startsWith("tb_") && columns.some((it) => it.name === "changed"),
  );
  for (const [table] of tables) {
    await session.run({ text: `drop trigger if exists ${triggerName(table)}`, values: [] });
    await session.run({ text: triggerText(table), values: [] });
  }
  return { count: tables.length };
}

/** The file's tables alone; a view has no pages. */
const SQLITE_SIZES = `select name, (select coalesce(sum(pgsize), 0) from dbstat where dbstat.name in
  (select part.name from sqlite_schema part where part.tbl_name = t.name)) as bytes
  from sqlite_schema t where type = 'table' and name like 'tb\\_%' escape '\\' order by name`;
const MARIADB_SIZES = `select table_name as name, data_length + index_length as bytes, table_rows as counted
  from information_schema.tables where table_schema = database() and table_type = 'BASE TABLE' and table_name like 'tb|_%' escape '|'
  order by table_name`;

const OWN = /^tb_\w+$/;

/** MariaDB's numbers of rows are its own estimates. */
async function analyze({ services }: ActionContext) {
  const { database } = services;
  const sqlite = database.dialect === "sqlite";
  const run = async (text: string) => (await database.runForeign({ text, values: [] }, { timeout: TIME })).rows;
  const tables = [...(await database.schema()).keys()].filter((name) => OWN.test(name));
  for (const statement of sqlite ? ["analyze"] : tables.map((name) => `analyze table ${name}`)) await run(statement);
  const rows: Row[] = [];
  for (const { name, bytes, counted } of await run(sqlite ? SQLITE_SIZES : MARIADB_SIZES)) {
    if (typeof name !== "string" || !OWN.test(name)) continue;
    const count = counted ?? (await run(`select count(*) as counted from ${name}`))[0]?.["counted"];
    rows.push({ table: name, rows: Number(count), kB: Math.ceil(Number(bytes) / 1024) });
  }
  return { rows, columns: ["table", "rows", "kB"] };
}

const upkeep: Action = {
  name: "upkeep",
  operations: {
    purge: {
      summary: "Removes the rows of one table whose time has passed, in small batches.",
      input: { table: "One of those that may be purged.", "days?": "Only rows older than so many days; 0 keeps all." },
      transactional: false,
      run: purge,
    },
    triggers: {
      summary: "Makes the triggers of the tables again.",
      input: {},
      transactional: true,
      run: (_input, context) => renewTriggers(context),
    },
    analyze: {
      summary: "Renews the statistics that queries are planned by; tells rows and size of each table.",
      input: {},
      transactional: false,
      run: (_input, context) => analyze(context),
    },
  },
};

export default upkeep;
