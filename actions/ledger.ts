/**
 * Money: every change of a credit is one conditional statement beside a row of `tb_ledger`, in the entry's transaction.
 * The sum of a user's ledger is the credit, always. `round(..., 6)` keeps decimals exact on SQLite (engine/database/amount.ts)
 * and changes nothing on MariaDB, where they are exact by type.
 */
import type { Action, ActionContext } from "../engine/contracts.js";
import { formatAmount, MAX_AMOUNT, parseAmount } from "../engine/database/amount.js";
import type { Session } from "../engine/database/database.js";
import { lockAccount } from "../engine/database/lock-account.js";
import { toDatetime } from "../engine/datetime.js";
import { ApiError } from "../engine/errors.js";
import type { Cell } from "../engine/request.js";

const AMOUNT = "cast(? as decimal(18,6))";

const ADD = `update tb_users set credit = round(credit + ${AMOUNT}, 6) where id = ? and round(credit + ${AMOUNT}, 6) <= ${AMOUNT}`;
const TAKE = `update tb_users set credit = round(credit - ${AMOUNT}, 6) where id = ? and credit >= ${AMOUNT}`;
const SET = `update tb_users set credit = ${AMOUNT} where id = ?`;
const CREDIT = "select credit from tb_users where id = ?";
const BOOK = `insert into tb_ledger (datum, userid, amount, balance, kind, reference, idempotencykey)
  values (?, ?, ${AMOUNT}, ${AMOUNT}, ?, ?, ?)`;

export interface Booking {
  user: number;
  /** Decimal text; less than zero for money that goes. */
  amount: string;
  kind: string;
  reference: string;
}

/** The transaction in which a credit changes; of the request, where there is one, `idempotencykey` stands in the ledger. */
export type Books = Pick<ActionContext, "session"> & Partial<Pick<ActionContext, "params">>;

const amountOf = (value: Cell | undefined, name: string): bigint => {
  const amount = parseAmount(String(value ?? ""));
  if (amount === undefined) throw new ApiError("wrong parameter", `${name} must be an amount such as 2.5`);
  return amount;
};

const positive = (value: Cell | undefined, name: string): string => {
  const amount = amountOf(value, name);
  if (amount <= 0n) throw new ApiError("wrong parameter", `${name} must be more than 0`);
  return formatAmount(amount);
};

const limit = formatAmount(MAX_AMOUNT);

/** Writes the ledger row of a change that has just been made in the same transaction; answers the credit after it. */
async function book(booking: Booking, { session, params }: Books): Promise<string> {
  const { rows } = await session.run({ text: CREDIT, values: [booking.user] });
  const balance = String(rows[0]?.["credit"] ?? "0");
  const { user, amount, kind, reference } = booking;
  const key = params?.["idempotencykey"] ?? null;
  await session.run({
    text: BOOK,
    values: [toDatetime(Date.now()), user, amount, balance, kind, reference.slice(0, 200), key],
  });
  return balance;
}

async function add(user: number, amount: string, session: Session): Promise<void> {
  const { changed } = await session.run({ text: ADD, values: [amount, user, amount, limit] });
  if (changed === 1) return;
  const { rows } = await session.run({ text: CREDIT, values: [user] });
  if (rows.length === 0) throw new ApiError("not found", "the account does not exist");
  throw new ApiError("wrong parameter", `a credit may be ${limit} at most`);
}

/** False when the credit is less than the amount. */
async function taken(user: number, amount: string, session: Session): Promise<boolean> {
  const { changed } = await session.run({ text: TAKE, values: [amount, user, amount] });
  return changed === 1;
}

async function take(user: number, amount: string, session: Session): Promise<void> {
  if (!(await taken(user, amount, session))) throw new ApiError("no credit", `the credit is less than ${amount}`);
}

/** Changes a credit and writes its ledger row; answers the credit after it, undefined where it is less than what goes. */
export async function change(booking: Booking, books: Books): Promise<string | undefined> {
  const { user, amount } = booking;
  if (!amount.startsWith("-")) await add(user, amount, books.session);
  else if (!(await taken(user, amount.slice(1), books.session))) return undefined;
  return book(booking, books);
}

/** Who did it, for the ledger: the administrator behind `targetuser`, or the caller. */
const actor = ({ caller }: ActionContext): string => `by ${caller.actingFor?.username ?? caller.username}`;

/** Counted in millionths, which are whole: of many large amounts SQLite's binary fractions add up to another sum. */
const SUM = "round(sum(round(amount * 1000000)) * 0.000001, 6)";

/** An account that is gone was booked out; of one that vanished otherwise the ledger tells what it had. */
export const DIFFERENCES = `select u.id as id, u.username as username, round(u.credit, 6) as credit, coalesce(l.total, 0.0) as ledger,
  round(u.credit - coalesce(l.total, 0.0), 6) as difference
  from tb_users u left join (select userid, ${SUM} as total from tb_ledger group by userid) l on l.userid = u.id
  where round(u.credit - coalesce(l.total, 0.0), 6) <> 0
  union all select userid, null, 0.0, ${SUM}, 0.0 - ${SUM} from tb_ledger
  where not exists (select 1 from tb_users where tb_users.id = tb_ledger.userid) group by userid having ${SUM} <> 0
  order by id`;

const LOCK_LEDGER = "update tb_ledger set balance = balance where userid = ?";
const TOTAL = `select coalesce(${SUM}, 0.0) as total from tb_ledger where userid = ?`;

/** Books what a credit and its ledger differ by once no other change comes between; false when that is nothing any more. */
async function correct(user: number, reference: string, session: Session): Promise<boolean> {
  const of = async (text: string) => (await session.run({ text, values: [user] })).rows[0] ?? {};
  if (!(await lockAccount(session, user))) await session.run({ text: LOCK_LEDGER, values: [user] });
  const [{ credit = "0" }, { total }] = [await of(CREDIT), await of(TOTAL)];
  const difference = amountOf(credit, "the credit") - amountOf(total, "the ledger");
  if (difference === 0n) return false;
  await book({ user, amount: formatAmount(difference), kind: "correction", reference }, { session });
  return true;
}

const ledger: Action = {
  name: "ledger",
  operations: {
    add: {
      summary: "Adds an amount to an account.",
      input: {
        user: "Id of the account.",
        amount: "More than 0.",
        kind: "Word for the ledger.",
        "reference?": "Text for the ledger.",
      },
      transactional: true,
      async run({ user, amount: sent, kind, reference }, context) {
        const amount = positive(sent, "credit");
        await add(Number(user), amount, context.session);
        const balance = await book(
          { user: Number(user), amount, kind: String(kind), reference: String(reference ?? actor(context)) },
          context,
        );
        return { balance, amount };
      },
    },
    transfer: {
      summary: "Moves an amount from the caller's account to another.",
      input: { to: "Id of the other account.", amount: "More than 0." },
      transactional: true,
      async run({ to: other, amount: sent }, context) {
        const [from, to, amount] = [context.caller.id, Number(other), positive(sent, "credit")];
        if (from === 0) throw new ApiError("access denied", "a transfer needs an account to take from");
        if (from === to) throw new ApiError("wrong parameter", "an account can't send credit to itself");
        const { session, caller } = context;
        // Both rows are locked in the order of their ids, so that two transfers that cross don't wait for each other.
        if (from < to) await take(from, amount, session);
        await add(to, amount, session);
        if (from > to) await take(from, amount, session);
        const balance = await book(
          { user: from, amount: `-${amount}`, kind: "transfer", reference: `to ${to}` },
          context,
        );
        await book({ user: to, amount, kind: "transfer", reference: `from ${caller.username}` }, context);
        return { balance, amount };
      },
    },
    redeem: {
      summary: "Recharges the caller's account with a PIN, which is used up.",
      input: { code: "The PIN." },
      transactional: true,
      async run({ code }, context) {
        const { session, caller } = context;
        if (caller.id === 0) throw new ApiError("access denied", "a recharge needs an account");
        const currency = String(caller.fields["currency"] ?? "");
        const { changed } = await session.run({
          text: `update tb_prepaidcodes set usedby = ?, useddate = ? where code = ? and enabled = 1 and usedby = 0 and credit > 0
            and (expires is null or expires > ?) and (currency is null or currency = '' or currency = ?)`,
          values: [caller.id, toDatetime(Date.now()), String(code), toDatetime(Date.now()), currency],
        });
        if (changed !== 1)
          throw new ApiError(
            "not found",
            "this PIN is not known, is used already, has expired or is in another currency",
          );
        const { rows } = await session.run({
          text: "select id, credit from tb_prepaidcodes where code = ?",
          values: [String(code)],
        });
        const amount = positive(rows[0]?.["credit"], "the PIN's credit");
        await add(caller.id, amount, session);
        const balance = await book(
          { user: caller.id, amount, kind: "pin", reference: `code ${rows[0]?.["id"]}` },
          context,
        );
        return { balance, amount };
      },
    },
    set: {
      summary: "Sets a credit to a value, with the difference in the ledger.",
      input: { user: "Id of the account.", value: "The new credit." },
      transactional: true,
      async run({ user, value }, context) {
        return { balance: await setCredit(Number(user), amountOf(value, "credit"), context) };
      },
    },
    close: {
      summary: "Books what is left on an account out of it, before the account goes.",
      input: { user: "Id of the account." },
      transactional: true,
      run: async ({ user }, context) => ({ balance: await setCredit(Number(user), 0n, context, "close") }),
    },
    check: {
      summary: "Lists the accounts whose credit is not the sum of their ledger.",
      input: { "book?": "1 books each difference, so that the ledger agrees again." },
      transactional: true,
      async run({ book: wanted }, context) {
        const { rows, columns } = await context.session.run({ text: DIFFERENCES, values: [] });
        let booked = 0;
        if (String(wanted ?? "0") === "1")
          for (const { id } of rows) if (await correct(Number(id), actor(context), context.session)) booked += 1;
        return { rows, columns, count: rows.length, booked };
      },
    },
  },
};

/** The row is locked by an update that changes nothing before its credit is read, so that no other change comes between. */
export async function setCredit(user: number, target: bigint, context: ActionContext, kind = "set"): Promise<string> {
  const { session } = context;
  if (target > MAX_AMOUNT || target < -MAX_AMOUNT)
    throw new ApiError("wrong parameter", `a credit may be ${limit} at most`);
  await lockAccount(session, user);
  const { rows } = await session.run({ text: CREDIT, values: [user] });
  const before = parseAmount(String(rows[0]?.["credit"] ?? ""));
  if (before === undefined) throw new ApiError("not found", "the account does not exist");
  if (before === target) return formatAmount(before);
  await session.run({ text: SET, values: [formatAmount(target), user] });
  return book({ user, amount: formatAmount(target - before), kind, reference: actor(context) }, context);
}

/** Takes the price of something that is sold from an account; answers the credit after it. Errors: ApiError "no credit". */
export async function takePrice(sale: Booking, books: Books): Promise<string> {
  await take(sale.user, sale.amount, books.session);
  return book({ ...sale, amount: `-${sale.amount}` }, books);
}

/** Gives the price of what could not be delivered back, in the transaction that says so. An account that is gone gets nothing. */
export async function refund(sale: Booking, session: Session): Promise<void> {
  const { rows } = await session.run({ text: CREDIT, values: [sale.user] });
  if (rows.length === 0) return;
  await add(sale.user, sale.amount, session);
  await book(sale, { session });
}

export default ledger;
