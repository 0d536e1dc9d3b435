/** The statements that list call records and sum them up. */
import type { Knex } from "knex";
import { builders, statementOf } from "../../engine/database/builder.js";
import type { Dialect, Statement } from "../../engine/database/database.js";
import { branches, type Selection } from "./selection.js";

/** What a list may be sorted by; each but the last has an index that ends in the time. */
const ORDERS = {
  date: [desc("datum"), desc("id")],
  caller: [asc("callernumber"), asc("datum"), asc("id")],
  called: [asc("callednumber"), asc("datum"), asc("id")],
  user: [asc("callerid"), asc("datum"), asc("id")],
} as const;
export type Order = keyof typeof ORDERS;

function asc(column: string) {
  return { column, order: "asc" } as const;
}
function desc(column: string) {
  return { column, order: "desc" } as const;
}

export interface ListQuery {
  fields: readonly string[];
  order: Order;
  /** Rows at most. */
  limit: number;
}

/** Each branch brings its first rows, so that an index gives them in their order, and the first of these are shown. */
export function listStatement(dialect: Dialect, selection: Selection, { fields, order, limit }: ListQuery): Statement {
  const builder = builders[dialect];
  const sorted = [...ORDERS[order]];
  const columns = [...new Set([...fields, ...sorted.map(({ column }) => column)])];
  const firsts = branches(builder, dialect, selection, columns).map((branch) => branch.orderBy(sorted).limit(limit));
  return statementOf(
    together(builder, firsts)
      .select([...fields])
      .orderBy(sorted)
      .limit(limit),
  );
}

/** The branches as one table `c`. */
function together(builder: Knex, parts: readonly Knex.QueryBuilder[]): Knex.QueryBuilder {
  const [first, second] = parts as [Knex.QueryBuilder, Knex.QueryBuilder?];
  if (second === undefined) return builder.from(first.as("c"));
  const both = builder
    .from(first.as("a"))
    .select("*")
    .unionAll([builder.from(second.as("b")).select("*")]);
  return builder.from(both.as("c"));
}

const total = (column: string) => `round(sum(${column}), 6)`;

/** What can be summed: each from the columns behind it. */
const SUMS: Readonly<Record<string, { columns: readonly string[]; formula: string }>> = {
  calls: { columns: [], formula: "count(*)" },
  connected: { columns: ["duration"], formula: "sum(case when duration > 0 then 1 else 0 end)" },
  duration: { columns: ["duration"], formula: "sum(duration)" },
  minutes: { columns: ["duration"], formula: "round(sum(duration) / 60.0, 1)" },
  cost: { columns: ["cost"], formula: total("cost") },
  income: { columns: ["costenduser"], formula: total("costenduser") },
  expenses: { columns: ["expenses"], formula: total("expenses") },
  profit: { columns: ["profit"], formula: total("profit") },
};

export type Group = "all" | "day" | "caller" | "called";

export interface SumQuery {
  sums: readonly string[];
  by: Group;
  /** Rows at most. */
  limit: number;
}

const DAY: Readonly<Record<Dialect, string>> = { sqlite: "date(datum)", mariadb: "cast(date(datum) as char(10))" };
const USERNAME = "(select username from tb_users where tb_users.id = c.callerid) as username";

/** Currencies are never added up: each has a row of its own. Errors: Error for a sum that there is not. */
export function sumStatement(dialect: Dialect, selection: Selection, { sums, by, limit }: SumQuery): Statement {
  const builder = builders[dialect];
  const wanted = sums.map((name) => {
    const sum = SUMS[name];
    if (sum === undefined) throw new Error(`there is no sum '${name}' of call records`);
    return { name, ...sum };
  });
  // Numbers may be anybody's: callers are told apart by their accounts, but to a user, whose callers are numbers.
  const key = { all: "", day: "day", called: "callednumber", caller: callerKey(selection) }[by];
  const source = by === "day" ? "datum" : key;
  const columns = new Set([...(source === "" ? [] : [source]), "currency", ...wanted.flatMap((sum) => sum.columns)]);
  const query = together(builder, branches(builder, dialect, selection, [...columns]));
  if (by === "day")
    void query
      .select(builder.raw(`${DAY[dialect]} as day`))
      .groupBy("day")
      .orderBy("day", "desc");
  // The + changes nothing but keeps SQLite from walking through the key's index, whatever the conditions are
  else if (key !== "") void query.select(key).groupByRaw("+??", [key]);
  if (key === "callerid") void query.select(builder.raw(USERNAME));
  for (const { name, formula } of wanted) void query.select(builder.raw(`${formula} as ??`, [name]));
  void query.select("currency").groupBy("currency");
  if (by === "caller" || by === "called") void query.orderByRaw("count(*) desc").orderBy(key);
  return statementOf(query.orderBy("currency").limit(limit));
}

const callerKey = ({ owner }: Selection): string => (owner.kind === "user" ? "callernumber" : "callerid");
