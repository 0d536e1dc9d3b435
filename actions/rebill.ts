/**
 * Prices call records anew. Each batch is a transaction of its own: its records, the credits, and a ledger row for each account
 * change together or not at all, so that a rebill that is cut off goes on where it ended when it is started again, and one that
 * is repeated changes nothing.
 */
import { roundingOf } from "../engine/billing/pricing.js";
import { type Repriced, reprice } from "../engine/billing/reprice.js";
import { type Selection, selectionOf } from "../engine/billing/selection.js";
import type { Action, ActionContext } from "../engine/contracts.js";
import { formatAmount, parseAmount } from "../engine/database/amount.js";
import { cellText } from "../engine/database/cells.js";
import { DatabaseError, type Session } from "../engine/database/database.js";
import type { Cell, Row } from "../engine/request.js";
import { change } from "./ledger.js";

const BATCH = 200;
const AMOUNT = "cast(? as decimal(18,6))";

const BOUNDS = "select min(id) as first, max(id) as last from tb_cdrs where datum >= ? and datum < ?";

const RECORDS = `select c.id as id, c.datum as datum, c.callerid as callerid, u.username as username,
  c.callednumber as callednumber, c.duration as duration, c.realduration as realduration, c.cost as cost, c.currency as currency,
  u.parentid as parentid, u.country as country, u.currency as accountcurrency, u.credit as credit, t.type as calledtype
  from tb_cdrs c join tb_users u on u.id = c.callerid left join tb_users t on t.id = c.calledid
  where c.id > ? and c.id <= ? and c.datum >= ? and c.datum < ? and u.type between ? and ? and (? = 0 or u.parentid = ?)
  and (c.mark is null or c.mark not in ('SMS', 'EMAIL', 'FAX')) order by c.id limit ${BATCH}`;

/** The cost that was read is asked for again: two rebills at the same time don't correct one record twice. */
const PRICE = `update tb_cdrs set cost = ${AMOUNT}, costenduser = ${AMOUNT}, currency = ?, unitprice = ${AMOUNT}, billingstep = ?,
  billingentry = ? where id = ? and round(cost, 6) = ${AMOUNT}`;

type Changed = Extract<Repriced, { kind: "changed" }> & { record: Row };
interface Batch {
  looked: number;
  /** Of the last record; undefined when there are no more. */
  last: number | undefined;
  changes: Changed[];
  left: { record: Row; reason: string }[];
}
/** Takes the sum of a batch from an account; false when its credit is less. */
type Pay = (user: number, sum: bigint, changes: readonly Changed[]) => Promise<boolean>;

const NO_CREDIT = "the credit does not cover it";

async function readBatch(session: Session, selection: Selection, after: number, end: number, context: ActionContext) {
  const { from, to, types, parent } = selection;
  const { rows } = await session.run({ text: RECORDS, values: [after, end, from, to, ...types, parent, parent] });
  const batch: Batch = { looked: rows.length, last: undefined, changes: [], left: [] };
  if (rows.length === BATCH) batch.last = Number(rows.at(-1)?.["id"]);
  for (const record of rows) {
    const priced = reprice(record, context.services.rates, roundingOf(context.services.settings.current));
    if (priced.kind === "changed") batch.changes.push({ ...priced, record });
    if (priced.kind === "left") batch.left.push({ record, reason: priced.reason });
  }
  return batch;
}

/** Lets each account pay, in the order of their ids so that two rebills don't wait for each other; who can't stays as it is. */
async function settle(batch: Batch, pay: Pay): Promise<void> {
  const paid: Changed[] = [];
  for (const [user, changes] of byCaller(batch.changes)) {
    const sum = changes.reduce((total, { before, after }) => total + after - before, 0n);
    if (await pay(user, sum, changes)) paid.push(...changes);
    else batch.left.push(...changes.map(({ record }) => ({ record, reason: NO_CREDIT })));
  }
  batch.changes = paid;
}

function byCaller(changes: readonly Changed[]): [number, Changed[]][] {
  const callers = new Map<number, Changed[]>();
  for (const change of changes) {
    const caller = Number(change.record["callerid"]);
    callers.set(caller, [...(callers.get(caller) ?? []), change]);
  }
  return [...callers].sort(([one], [other]) => one - other);
}

/** Corrects the credit and the records of one account. */
const payFor =
  (session: Session): Pay =>
  async (user, sum, changes) => {
    const [first, last] = [changes[0]?.record["id"], changes.at(-1)?.record["id"]];
    const reference = `${changes.length} calls, ${first} to ${last}`;
    const booking = { user, amount: formatAmount(-sum), kind: "rebill", reference };
    if (sum !== 0n && (await change(booking, { session, params: {} })) === undefined) return false;
    for (const { record, before, after, rate } of changes) {
      const price = formatAmount(after);
      const { changed } = await session.run({
        text: PRICE,
        values: [
          ...[price, price, cellText(record["accountcurrency"]), rate?.price ?? "0", rate?.billingStep ?? 0],
          ...[rate?.id ?? 0, Number(record["id"]), formatAmount(before)],
        ],
      });
      if (changed !== 1) throw new DatabaseError("conflict", "another rebill changed a record");
    }
    return true;
  };

/** As `payFor`, on paper: `credits` holds what each account would have left. */
const payOnPaper =
  (credits: Map<number, bigint>): Pay =>
  async (user, sum, changes) => {
    const credit = credits.get(user) ?? parseAmount(cellText(changes[0]?.record["credit"])) ?? 0n;
    if (sum > 0n && credit < sum) return false;
    credits.set(user, credit - sum);
    return true;
  };

async function* batches(
  context: ActionContext,
  selection: Selection,
  next: (after: number, end: number) => Promise<Batch>,
): AsyncGenerator<Batch> {
  const { database, rates } = context.services;
  await rates.refresh();
  const { rows } = await database.run({ text: BOUNDS, values: [selection.from, selection.to] });
  const end = Number(rows[0]?.["last"] ?? 0);
  let after: number | undefined = Number(rows[0]?.["first"] ?? 1) - 1;
  while (after !== undefined && after < end) {
    const batch: Batch = await next(after, end);
    yield batch;
    after = batch.last;
  }
}

async function run(selection: Selection, context: ActionContext) {
  const { database } = context.services;
  const [accounts, sums, reasons] = [new Set<number>(), new Map<string, bigint>(), new Map<string, number>()];
  let [calls, priced] = [0, 0];
  const next = (after: number, end: number) =>
    database.transaction(async (session) => {
      const batch = await readBatch(session, selection, after, end, context);
      await settle(batch, payFor(session));
      return batch;
    });
  for await (const batch of batches(context, selection, next)) {
    calls += batch.looked;
    priced += batch.changes.length;
    for (const { record, before, after } of batch.changes) {
      const currency = cellText(record["accountcurrency"]);
      accounts.add(Number(record["callerid"]));
      sums.set(currency, (sums.get(currency) ?? 0n) + after - before);
    }
    for (const { reason } of batch.left) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const difference = [...sums].map(([currency, sum]) => `${formatAmount(sum)} ${currency}`).join(", ") || "0";
  const left = [...reasons].map(([reason, count]) => `; ${count} left: ${reason}`).join("");
  return { calls, priced, accounts: accounts.size, difference, left };
}

const COLUMNS = ["id", "datum", "username", "callednumber", "seconds", "cost", "newcost", "currency", "warning"];

function shownChange({ record, seconds, before, after }: Changed): Row {
  const { id, datum, username, callednumber, accountcurrency } = record as Row & { id: Cell };
  const costs = { cost: formatAmount(before), newcost: formatAmount(after), currency: accountcurrency ?? "" };
  return {
    id,
    datum: datum ?? "",
    username: username ?? "",
    callednumber: callednumber ?? "",
    seconds,
    ...costs,
    warning: "",
  };
}

function shownLeft({ record, reason }: Batch["left"][number]): Row {
  const { id, datum, username, callednumber, duration, cost, currency } = record;
  const shown = {
    id,
    datum,
    username,
    callednumber,
    seconds: duration,
    cost,
    newcost: cost,
    currency,
    warning: reason,
  };
  return shown as Row;
}

async function preview(selection: Selection, context: ActionContext) {
  const { database, settings } = context.services;
  const pay = payOnPaper(new Map());
  const rows: Row[] = [];
  const next = async (after: number, end: number) => {
    const batch = await readBatch(database, selection, after, end, context);
    await settle(batch, pay);
    return batch;
  };
  for await (const { changes, left } of batches(context, selection, next)) {
    rows.push(
      ...[...changes.map(shownChange), ...left.map(shownLeft)].sort(
        (one, other) => Number(one["id"]) - Number(other["id"]),
      ),
    );
    if (rows.length > settings.current.maxrows) break;
  }
  const { maxrows } = settings.current;
  return { rows: rows.slice(0, maxrows), columns: COLUMNS, truncated: rows.length > maxrows };
}

const INPUT = {
  "days?": "Calls of so many days until now; or `fromdate`.",
  "fromdate?": "Calls from this day or time on, UTC.",
  "todate?": "Until the end of this day, or before this time, UTC.",
  "usertype?": "Only callers of this type.",
  "parent?": "Only callers of the reseller with this id.",
};

const rebill: Action = {
  name: "rebill",
  operations: {
    run: {
      summary: "Prices call records anew and corrects the credits through the ledger, batch by batch.",
      input: INPUT,
      transactional: false,
      run: (input, context) => run(selectionOf(input), context),
    },
    preview: {
      summary: "The records that a rebill would change or leave, a row each; nothing is changed.",
      input: INPUT,
      transactional: false,
      run: (input, context) => preview(selectionOf(input), context),
    },
  },
};

export default rebill;
