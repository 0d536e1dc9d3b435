/** Which call records are meant: whose they are, and the conditions on them. */
import type { Knex } from "knex";
import type { Dialect } from "../../engine/database/database.js";

/** Whose records may be seen: a reseller's are those of the own users too. */
export type Owner = { kind: "everybody" } | { kind: "user" | "reseller"; id: number };

/** One end of a call: an account, or a number that is none. */
export type Party = { user: number } | { number: string };

export interface Selection {
  owner: Owner;
  direction: "all" | "in" | "out";
  type: "all" | "connected" | "notconnected";
  /** From this time in UTC on. */
  since?: string | undefined;
  caller?: Party | undefined;
  called?: Party | undefined;
  /** Digits that the called number begins with. */
  prefix?: string | undefined;
  /** A mark whose records don't count. */
  except?: string | undefined;
}

/** What the callee of a call is not shown: it is the caller who pays. */
const OF_THE_CALLER: ReadonlySet<string> = new Set(["cost", "unitprice"]);

const NOTHING: Readonly<Record<Dialect, string>> = { sqlite: "0.0", mariadb: "cast(0 as decimal(18,6))" };

/** What has no column of its own. The profit is what the enduser pays, less what all others get. */
const EXPENSES = "costprovider + costcompany + costsales + costother";
const FORMULAS: Readonly<Record<string, string>> = {
  profit: `round(costenduser - (${EXPENSES}), 6)`,
  expenses: `round(${EXPENSES}, 6)`,
};

/**
 * The selection as one select of these columns; as two, of the calls made and of those received, where an owner's both ends
 * count, since an index finds either, but not both at once. No record is in both.
 */
export function branches(
  builder: Knex,
  dialect: Dialect,
  selection: Selection,
  columns: readonly string[],
): Knex.QueryBuilder[] {
  const { owner, direction } = selection;
  const select = (hidden: boolean) => {
    const shown = columns.map((name) => {
      const formula = hidden && OF_THE_CALLER.has(name) ? NOTHING[dialect] : FORMULAS[name];
      return formula === undefined ? name : builder.raw(`${formula} as ??`, [name]);
    });
    return conditions(builder("tb_cdrs").select(shown), selection);
  };
  if (owner.kind === "everybody") {
    const query = select(false);
    if (direction === "all") return [query];
    return [query.where(direction === "out" ? "callerid" : "calledid", "<>", 0)];
  }
  const made = () => select(false).where(isOwn(builder, owner, "callerid"));
  const received = () =>
    select(true)
      .where(isOwn(builder, owner, "calledid"))
      .whereNot(isOwn(builder, owner, "callerid"));
  return direction === "out" ? [made()] : direction === "in" ? [received()] : [made(), received()];
}

type Condition = (where: Knex.QueryBuilder) => void;

const isOwn =
  (builder: Knex, { kind, id }: Extract<Owner, { id: number }>, column: string): Condition =>
  (where) => {
    if (kind === "user") void where.where(column, id);
    else void where.whereIn(column, builder("tb_users").select("id").where("parentid", id).orWhere("id", id));
  };

function conditions(query: Knex.QueryBuilder, selection: Selection): Knex.QueryBuilder {
  const { type, since, caller, called, prefix, except } = selection;
  if (since !== undefined) void query.where("datum", ">=", since);
  if (type !== "all") void query.where("duration", type === "connected" ? ">" : "=", 0);
  if (caller !== undefined) void partyIs(query, "caller", caller);
  if (called !== undefined) void partyIs(query, "called", called);
  if (prefix !== undefined) void beginsWith(query, prefix);
  if (except !== undefined) void query.where((where) => where.whereNull("mark").orWhere("mark", "<>", except));
  return query;
}

const partyIs = (query: Knex.QueryBuilder, end: "caller" | "called", party: Party): Knex.QueryBuilder =>
  "user" in party ? query.where(`${end}id`, party.user) : query.where(`${end}number`, party.number);

/** The range is what SQLite finds in the index; `like` alone would do on MariaDB, and decides on both. */
function beginsWith(query: Knex.QueryBuilder, prefix: string): Knex.QueryBuilder {
  void query.where("callednumber", ">=", prefix).where("callednumber", "like", `${prefix}%`);
  const next = prefix.replace(/9+$/, "");
  if (next === "") return query;
  return query.where("callednumber", "<", (BigInt(next) + 1n).toString().padStart(next.length, "0"));
}
