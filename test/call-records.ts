/** Call records in numbers, and the plans by which a database finds them; for tests and the bench. */
import { type ListQuery, listStatement, type SumQuery, sumStatement } from "../actions/cdr/queries.js";
import type { Selection } from "../actions/cdr/selection.js";
import type { Database, Statement } from "../engine/database/database.js";
import { translateStatement } from "../engine/template/compile.js";

/** Calls of 1000 users in the last year, a twentieth of them of the first user; a third without an answer. */
const INSERT = `insert into tb_cdrs (datum, sipcallid, callerid, calledid, callernumber, callednumber, duration, realduration, cost,
    costenduser, costprovider, currency)
  select getdate() - (((n * 7919) % 31536000) / 86400.0), concat('call-', n), c, case when n % 4 = 0 then 10000 + (n * 31) % 1000 else 0 end,
    concat('3630', c), concat(case n % 10 when 0 then '1202' when 1 then '44' when 2 then '447' when 3 then '3899' when 4 then '49'
    when 5 then '3361' when 6 then '3670' else '3630' end, 1000000 + (n * 104729) % 8999999), (n % 3) * 41, (n % 3) * 41,
    (n % 3) * 0.02, (n % 3) * 0.02, (n % 3) * 0.01, 'USD'
  from (select n, case when n % 20 = 0 then 10000 else 10000 + (n * 17) % 1000 end as c
    from (select {first} + a.d + 10 * b.d + 100 * e.d + 1000 * f.d as n from {digits} a, {digits} b, {digits} e, {digits} f) as counted) as calls`;
const DIGITS = `(select 0 as d${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => ` union all select ${digit}`).join("")})`;
const AT_ONCE = 10_000;

/** Adds so many records, a multiple of ten thousand, and the users 10000 to 10999, of whom 10000 is the reseller of 20. */
export async function addCalls(database: Database, count: number): Promise<void> {
  const run = (sql: string) =>
    database.run({ text: translateStatement(sql, database.dialect).text, values: [] }, { timeout: 600_000 });
  await run(
    `insert into tb_users (id, type, username, parentid) select 10000 + n, 0, concat('caller', n), case when n between 1 and 20 then 10000 else 0 end
     from (select a.d + 10 * b.d + 100 * e.d as n from ${DIGITS} a, ${DIGITS} b, ${DIGITS} e) as counted`,
  );
  for (let first = 0; first < count; first += AT_ONCE)
    await run(INSERT.replace("{first}", String(first)).replaceAll("{digits}", DIGITS));
  if (database.dialect === "mariadb") await database.run({ text: "analyze table tb_cdrs, tb_users", values: [] });
}

export interface PlanCase {
  title: string;
  selection: Partial<Selection>;
  query: Partial<ListQuery> | Partial<SumQuery>;
  /** The column that the index in use begins with (`a|b`: either), for each time that the records are looked at. */
  indexes: readonly string[];
}

const user = { owner: { kind: "user", id: 10_500 } } as const;
const reseller = { owner: { kind: "reseller", id: 10_000 } } as const;
const since = new Date(Date.now() - 7 * 86_400_000).toISOString().slice(0, 19).replace("T", " ");
const number = { number: "36301000729" };

/** Each condition and order alone, and the combinations that requests are made of. */
export const PLAN_CASES: readonly PlanCase[] = [
  { title: "all", selection: {}, query: {}, indexes: ["datum"] },
  { title: "days", selection: { since }, query: {}, indexes: ["datum"] },
  { title: "days, connected", selection: { since, type: "connected" }, query: {}, indexes: ["datum"] },
  { title: "not connected", selection: { type: "notconnected" }, query: {}, indexes: ["datum"] },
  { title: "out", selection: { direction: "out" }, query: {}, indexes: ["datum"] },
  { title: "in", selection: { direction: "in" }, query: {}, indexes: ["datum"] },
  { title: "order caller", selection: {}, query: { order: "caller" }, indexes: ["callernumber"] },
  { title: "order called", selection: {}, query: { order: "called" }, indexes: ["callednumber"] },
  { title: "order user", selection: {}, query: { order: "user" }, indexes: ["callerid"] },
  { title: "caller", selection: { caller: { user: 10_500 } }, query: {}, indexes: ["callerid"] },
  { title: "caller, days", selection: { caller: { user: 10_500 }, since }, query: {}, indexes: ["callerid"] },
  { title: "called", selection: { called: { user: 10_500 } }, query: {}, indexes: ["calledid"] },
  { title: "called, days", selection: { called: { user: 10_500 }, since }, query: {}, indexes: ["calledid"] },
  { title: "caller's number", selection: { caller: { number: "363010500" } }, query: {}, indexes: ["callernumber"] },
  { title: "called number", selection: { called: number }, query: {}, indexes: ["callednumber"] },
  { title: "called number, days", selection: { called: number, since }, query: {}, indexes: ["callednumber"] },
  { title: "prefix", selection: { prefix: "120210" }, query: {}, indexes: ["callednumber"] },
  {
    title: "prefix, days, caller",
    selection: { prefix: "3630", since, caller: { user: 10_500 } },
    query: {},
    indexes: ["callerid"],
  },
  { title: "user", selection: user, query: {}, indexes: ["callerid", "calledid"] },
  { title: "user, days", selection: { ...user, since }, query: {}, indexes: ["callerid", "calledid"] },
  { title: "user, out", selection: { ...user, direction: "out" }, query: {}, indexes: ["callerid"] },
  {
    title: "user, in, missed",
    selection: { ...user, direction: "in", type: "notconnected", since },
    query: {},
    indexes: ["calledid"],
  },
  { title: "user, order called", selection: user, query: { order: "called" }, indexes: ["callerid", "calledid"] },
  {
    title: "reseller, out, days",
    selection: { ...reseller, direction: "out", since },
    query: {},
    indexes: ["callerid"],
  },
  {
    title: "reseller, days",
    selection: { ...reseller, since },
    query: {},
    indexes: ["callerid|datum", "calledid|datum"],
  },
  { title: "sum, days", selection: { since }, query: { by: "all" }, indexes: ["datum"] },
  { title: "sum by day, days", selection: { since }, query: { by: "day" }, indexes: ["datum"] },
  { title: "sum by caller, days", selection: { since }, query: { by: "caller" }, indexes: ["datum"] },
  {
    title: "sum, caller, days",
    selection: { caller: { user: 10_500 }, since },
    query: { by: "all" },
    indexes: ["callerid"],
  },
  { title: "sum, user", selection: user, query: { by: "all" }, indexes: ["callerid", "calledid"] },
  {
    title: "sum by called, user, days",
    selection: { ...user, since },
    query: { by: "called" },
    indexes: ["callerid", "calledid"],
  },
];

const EVERYTHING: Selection = { owner: { kind: "everybody" }, direction: "all", type: "all" };
const FIELDS = ["id", "datum", "callernumber", "callednumber", "duration", "cost", "currency"];
const SUMS = ["calls", "connected", "duration", "cost", "profit"];

export function statementOfCase({ dialect }: Database, { selection, query }: PlanCase): Statement {
  const whole = { ...EVERYTHING, ...selection };
  return "by" in query
    ? sumStatement(dialect, whole, { sums: SUMS, by: "all", limit: 101, ...query })
    : listStatement(dialect, whole, { fields: FIELDS, order: "date", limit: 101, ...query });
}

/** How the database looks at tb_cdrs, for each time that it does: the first column of the index, or `everything`. */
export async function planOf(database: Database, statement: Statement): Promise<string[]> {
  const how = database.dialect === "sqlite" ? "explain query plan" : "explain";
  const { rows } = await database.run({ ...statement, text: `${how} ${statement.text}` });
  const looks = rows.filter((row) => /\btb_cdrs\b/.test(String(row["detail"] ?? row["table"])));
  return looks.map(
    (row) => /tb_cdrs_([a-z]+?)_(?:datum_)?index/.exec(String(row["detail"] ?? row["key"]))?.[1] ?? "everything",
  );
}
