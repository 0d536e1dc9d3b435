/**
 * Call records. Statements run apart (`runForeign`): one over many records may take long, and must hold up nobody.
 * Callers see their own records, resellers those of their users too, administrators and the support all of them.
 */
import { isAdmin, isStaff } from "../engine/admit/kind.js";
import type { Action, ActionContext, Input } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import type { Statement } from "../engine/database/database.js";
import { ApiError } from "../engine/errors.js";
import type { Cell, Row } from "../engine/request.js";
import { setDirections } from "./cdr/directions.js";
import { generate } from "./cdr/generate.js";
import { periodStart } from "./cdr/period.js";
import { type Group, listStatement, type Order, sumStatement } from "./cdr/queries.js";
import type { Owner, Party, Selection } from "./cdr/selection.js";
import { summarise } from "./cdr/summary.js";

const SELECTION = {
  "caller?": "User name or id of the caller, or the number.",
  "called?": "User name or id of the callee, or the number.",
  "prefix?": "Digits that the called number begins with.",
  "days?": "today, lastweek, lastmonth, thismonth or a number of days; all where it is left out.",
  "whole?": "1 counts the first day from its beginning.",
  "direction?": "all, in or out.",
  "type?": "all, connected or notconnected.",
  "except?": "A mark whose records don't count.",
  "limit?": "Rows at most; 100 where it is left out.",
  "most?": "What the limit may be.",
} as const;

const wordsOf = (value: Cell | undefined): string[] =>
  cellText(value)
    .split(/[\s,]+/)
    .filter((word) => word !== "");

function ownerOf({ caller }: ActionContext): Owner {
  if (isStaff(caller.kind)) return { kind: "everybody" };
  if (caller.id === 0) throw new ApiError("access denied", "call records need an account");
  return { kind: caller.kind === "reseller" ? "reseller" : "user", id: caller.id };
}

const detailOf = (input: Input): string => cellText(input["detail"]) || "normal";

/** A user of that name or id, as with `targetuser`; otherwise it is a number. */
async function partyOf(value: Cell | undefined, { session }: ActionContext): Promise<Party | undefined> {
  const sent = cellText(value).trim();
  if (sent === "") return undefined;
  const byName = await session.run({ text: "select id from tb_users where username = ?", values: [sent] });
  const isId = /^\d{1,15}$/.test(sent);
  const found =
    byName.rows.length === 0 && isId
      ? await session.run({ text: "select id from tb_users where id = ?", values: [Number(sent)] })
      : byName;
  const [row] = found.rows;
  return row === undefined ? { number: sent.replace(/^(\+|00)(?=\d+$)/, "") } : { user: Number(row["id"]) };
}

async function selectionOf(input: Input, context: ActionContext): Promise<Selection> {
  return {
    owner: ownerOf(context),
    direction: (cellText(input["direction"]) || "all") as Selection["direction"],
    type: (cellText(input["type"]) || "all") as Selection["type"],
    since: periodStart(cellText(input["days"]), Date.now(), cellText(input["whole"]) === "1"),
    caller: await partyOf(input["caller"], context),
    called: await partyOf(input["called"], context),
    prefix: cellText(input["prefix"]) || undefined,
    except: cellText(input["except"]) || undefined,
  };
}

function limitOf({ limit = 100, most }: Input): number {
  if (most !== undefined && Number(limit) > Number(most))
    throw new ApiError("wrong parameter", `maxcount may be ${most} at most`);
  return Number(limit);
}

/** The statement asks for one row more than may be shown, to tell whether there are more. */
async function shownRows(limit: number, statement: Statement, { services }: ActionContext) {
  const { rows, columns, truncated } = await services.database.runForeign(statement, { maxRows: limit });
  return { rows, columns, truncated };
}

async function list(input: Input, context: ActionContext) {
  const limit = limitOf(input);
  const detail = detailOf(input);
  const isFull = detail === "all" && isAdmin(context.caller.kind);
  const fields = [...wordsOf(input[detail]), ...(isFull ? wordsOf(input["admin"]) : [])];
  const order = (cellText(input["order"]) || "date") as Order;
  const selection = await selectionOf(input, context);
  const { dialect } = context.services.database;
  return shownRows(limit, listStatement(dialect, selection, { fields, order, limit: limit + 1 }), context);
}

async function sum(input: Input, context: ActionContext) {
  const limit = limitOf(input);
  const isFull = detailOf(input) === "all" && isAdmin(context.caller.kind);
  const sums = [...wordsOf(input["sums"]), ...(isFull ? wordsOf(input["adminsums"]) : [])];
  const by = (cellText(input["by"]) || "all") as Group;
  const selection = await selectionOf(input, context);
  const { dialect } = context.services.database;
  const shown = await shownRows(limit, sumStatement(dialect, selection, { sums, by, limit: limit + 1 }), context);
  if (by === "all" && shown.rows.length === 0) shown.rows.push(noCalls(sums, context));
  return shown;
}

/** The sums of no records at all, in the forms that a database would give them. */
function noCalls(sums: readonly string[], { services, caller }: ActionContext): Row {
  const counts = new Set(["calls", "connected", "duration"]);
  const currency = cellText(caller.fields["currency"]) || services.settings.current.currency;
  return { ...Object.fromEntries(sums.map((name) => [name, counts.has(name) ? 0 : "0"])), currency };
}

/** The beginning of the first of the last `days`. */
const firstDay = (days: Cell | undefined): string => periodStart(cellText(days), Date.now(), true) ?? "";

const cdr: Action = {
  name: "cdr",
  operations: {
    list: {
      summary: "Call records, each a row.",
      input: {
        "detail?": "min, normal or all: which of the lists is shown; normal where it is left out.",
        "min?": "Names of columns, profit among them.",
        "normal?": "As min.",
        "all?": "As min.",
        "admin?": "Further ones that all shows to administrators.",
        "order?": "date (the newest first), caller, called or user.",
        ...SELECTION,
      },
      transactional: false,
      run: list,
    },
    sum: {
      summary: "Sums of call records, a row for each currency.",
      input: {
        sums: "calls, connected, duration (seconds), minutes, cost, income, expenses, profit.",
        "adminsums?": "Further ones, which the detail all shows to administrators.",
        "detail?": "As for a list.",
        "by?": "all, day, caller or called.",
        ...SELECTION,
      },
      transactional: false,
      run: sum,
    },
    generate: {
      summary: "Adds made-up records that belong to nobody, cost nothing and bear the mark TEST.",
      input: { count: "How many.", days: "Over how many days they are spread." },
      transactional: false,
      async run({ count, days }, { session, services }) {
        await generate(session, Number(count), Number(days), services.settings.current.currency);
        return { count: Number(count) };
      },
    },
    summarise: {
      summary: "Makes the daily sums of each user in tb_cdrinfo anew.",
      input: { days: "How far back." },
      transactional: false,
      run: async ({ days }, { services }) => ({
        days: await summarise(services.database, firstDay(days), Date.now()),
      }),
    },
    direct: {
      summary: "Sets dirid by the price list's longest prefix of the called number.",
      input: { days: "How far back." },
      transactional: false,
      run: ({ days }, { session, services }) => setDirections(session, services.rates, firstDay(days)),
    },
  },
};

export default cdr;
