/**
 * Card payments. Before the gateway is asked, the payment stands as pending in `tb_payments`, with an item of the outbox that
 * will look it up: so what the gateway accepted is booked, once, also when its answer is lost or the server is killed.
 * A card is never stored.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type Card, readCard } from "../engine/billing/card.js";
import { type Gateway, gatewayOf, type Outcome, type Payment } from "../engine/billing/gateway.js";
import type { Action, ActionContext, Booking, DeliveredItem, Services } from "../engine/contracts.js";
import { parseAmount } from "../engine/database/amount.js";
import { cellText } from "../engine/database/cells.js";
import { DatabaseError, type Session } from "../engine/database/database.js";
import { fromDatetime, toDatetime } from "../engine/datetime.js";
import { ApiError, PassingError } from "../engine/errors.js";
import type { Cell, Row } from "../engine/request.js";
import { change } from "./ledger.js";

const KIND = "card";
const referenceInLedger = (reference: string) => `payment ${reference}`;
const now = () => toDatetime(Date.now());

const BEGIN = `insert into tb_payments (datum, reference, userid, amount, currency, state, idempotencykey)
  values (?, ?, ?, cast(? as decimal(18,6)), ?, 'pending', ?)`;
const FIND =
  "select reference, userid, amount, currency, state, detail, datum, idempotencykey from tb_payments where reference = ?";
const FIND_BY_KEY = "select reference, idempotencykey from tb_payments where userid = ? and idempotencykey = ?";
/** A payment that was declined gives its key back, as every request that failed does. */
const SETTLE = `update tb_payments set state = ?, detail = ?, settled = ?,
  idempotencykey = case when ? = 'declined' then null else idempotencykey end where reference = ? and state = 'pending'`;
const BALANCE = "select balance from tb_ledger where kind = ? and reference = ?";

async function find(reference: string, session: Session): Promise<Row> {
  const { rows } = await session.run({ text: FIND, values: [reference] });
  if (rows[0] === undefined) throw new ApiError("not found", "there is no such payment");
  return rows[0];
}

/** Ends a payment that is pending, booked into the ledger or dropped; one that has ended meanwhile stays as it is. */
const settled =
  (reference: string, state: "booked" | "declined" | "unclear", detail: string): Booking =>
  async (session) => {
    const { changed } = await session.run({
      text: SETTLE,
      values: [state, detail.slice(0, 128), now(), state, reference],
    });
    if (changed === 0 || state !== "booked") return;
    const { userid, amount, idempotencykey } = await find(reference, session);
    const booking = { user: Number(userid), amount: cellText(amount), kind: KIND };
    const params = { idempotencykey: idempotencykey ?? undefined };
    await change({ ...booking, reference: referenceInLedger(reference) }, { session, params });
  };

/** undefined while the gateway has not decided. */
function bookingOf(reference: string, outcome: Outcome): Booking | undefined {
  if (outcome.state === "approved") return settled(reference, "booked", "");
  if (outcome.state === "declined") return settled(reference, "declined", outcome.reason);
  return undefined;
}

/** Stores the payment and its look-up; answers its reference, or that of an earlier one where the key was used before. */
async function begin(payment: Payment, gateway: Gateway, context: ActionContext): Promise<string> {
  const { services, caller, entry, params } = context;
  const key = cellText(params["idempotencykey"]) || null;
  const { reference, amount, currency } = payment;
  return services.database.transaction(async (session) => {
    try {
      await session.run({ text: BEGIN, values: [now(), reference, caller.id, amount, currency, key] });
    } catch (cause) {
      if (!(cause instanceof DatabaseError) || cause.kind !== "duplicate") throw cause;
      const { rows } = await session.run({ text: FIND_BY_KEY, values: [caller.id, key] });
      if (rows[0] === undefined) throw new DatabaseError("conflict", "the earlier payment has just ended", cause);
      // Databases hold some keys that differ, by their case for one, for the same.
      if (rows[0]["idempotencykey"] !== key)
        throw new ApiError("conflict", "this idempotencykey was used for another payment; choose a new one");
      return cellText(rows[0]["reference"]);
    }
    const item = { kind: "payments.lookup", body: { reference }, entry: entry.name, userId: caller.id };
    await services.outbox.put(session, { ...item, after: gateway.timeout + 1 });
    return reference;
  });
}

async function charge(payment: Payment, card: Card, gateway: Gateway, { services }: ActionContext): Promise<void> {
  const outcome = await gateway.charge(payment, card).catch((cause: unknown): Outcome => {
    if (!(cause instanceof PassingError)) throw cause;
    services.log.warn({ event: "payment", reference: payment.reference }, cause.message);
    return { state: "pending" };
  });
  const booking = bookingOf(payment.reference, outcome);
  if (booking !== undefined) await services.database.transaction(booking);
}

/** The payment of another request with the same key, once that has ended or its time is over. */
async function awaited(reference: string, gateway: Gateway, { database }: Services): Promise<void> {
  const end = performance.now() + gateway.timeout * 1_000;
  while ((await find(reference, database))["state"] === "pending" && performance.now() < end) await pause(50);
}

/** Errors: ApiError for a payment that is not booked. */
async function answerOf(reference: string, amount: string, { services: { database } }: ActionContext) {
  const payment = await find(reference, database);
  if (cellText(payment["amount"]) !== amount)
    throw new ApiError("conflict", "this idempotencykey was used for another amount; choose a new one");
  if (payment["state"] === "declined") throw new ApiError("failed", `the card was declined: ${payment["detail"]}`);
  if (payment["state"] === "unclear")
    throw new ApiError("failed", `the payment gateway never told of payment ${reference}; ask before you pay again`);
  if (payment["state"] !== "booked")
    throw new ApiError(
      "not available",
      `the payment gateway has not decided yet; payment ${reference} is booked as soon as it has, so don't pay again`,
    );
  const { rows } = await database.run({ text: BALANCE, values: [KIND, referenceInLedger(reference)] });
  return { amount, balance: rows[0]?.["balance"], reference };
}

/** Gateways take cents. */
function amountOf(value: Cell | undefined): string {
  const amount = parseAmount(cellText(value));
  if (amount === undefined || amount <= 0n || amount % 10_000n !== 0n)
    throw new ApiError("wrong parameter", "ammount must be above 0, with two places at most");
  return cellText(value);
}

/** Seconds after which a payment that the gateway has never seen will not come up there any more. */
const NEVER_CAME = 120;

async function lookUp(item: DeliveredItem, services: Services, signal: AbortSignal): Promise<Booking | undefined> {
  const { reference } = item.body as { reference: string };
  const { state, datum } = await find(reference, services.database);
  if (state !== "pending") return undefined;
  const outcome = await gatewayNow(services).lookUp(reference, signal);
  const age = (Date.now() - fromDatetime(cellText(datum))) / 1_000;
  if (outcome.state === "unknown" && age > services.settings.current.paymenttimeout + NEVER_CAME)
    return settled(reference, "declined", "it never reached the payment gateway");
  const booking = bookingOf(reference, outcome);
  if (booking === undefined) throw new PassingError(`payment ${reference} is not decided yet`);
  return booking;
}

/** Errors: PassingError where the settings of the gateway have gone, since they may come back. */
function gatewayNow({ settings }: Services): Gateway {
  try {
    return gatewayOf(settings.current);
  } catch (cause) {
    throw new PassingError(cause instanceof Error ? cause.message : "the payment gateway is not set up", { cause });
  }
}

const payments: Action = {
  name: "payments",
  operations: {
    card: {
      summary: "Charges a card through the payment gateway and adds the amount to the caller's credit.",
      input: {
        number: "Of the card.",
        month: "Of its end, 1 to 12.",
        year: "Of its end, two or four digits.",
        cvv: "Its security code.",
        amount: "In the currency of the account, two places at most.",
      },
      transactional: false,
      async run(input, context) {
        const [number, month, year, cvv] = [input["number"], input["month"], input["year"], input["cvv"]].map(cellText);
        const card = readCard({ number: number ?? "", month: month ?? "", year: year ?? "", cvv: cvv ?? "" });
        const amount = amountOf(input["amount"]);
        const gateway = gatewayOf(context.services.settings.current);
        const currency = cellText(context.caller.fields["currency"]);
        const payment: Payment = { reference: randomUUID(), amount, currency };
        const reference = await begin(payment, gateway, context);
        if (reference === payment.reference) await charge(payment, card, gateway, context);
        else await awaited(reference, gateway, context.services);
        return answerOf(reference, amount, context);
      },
    },
  },
  deliveries: {
    lookup: {
      summary: "Asks the payment gateway what became of a payment that it has not answered.",
      seconds: 60,
      // A day and more, at ten minutes each
      tries: 200,
      deliver: (item, { services, signal }) => lookUp(item, services, signal),
      givenUp: ({ body }) => settled((body as { reference: string }).reference, "unclear", "looked up in vain"),
    },
  },
};

export default payments;
