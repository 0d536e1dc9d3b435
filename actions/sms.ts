/** SMS: sent with their price taken, received, reported on. */
import { setTimeout as pause } from "node:timers/promises";
import { isAdmin } from "../engine/admit/kind.js";
import { countryCode, normalNumber } from "../engine/billing/numbers.js";
import type { Action, ActionContext, Input, Services } from "../engine/contracts.js";
import { formatAmount, parseAmount } from "../engine/database/amount.js";
import { cellText } from "../engine/database/cells.js";
import { digitsOf } from "../engine/digits.js";
import { ApiError } from "../engine/errors.js";
import { sameText } from "../engine/same-text.js";
import { takePrice } from "./ledger.js";
import { type CodedText, codeText, wellFormed } from "./sms/coding.js";
import { sendMessage } from "./sms/gateway.js";
import { checkGateway, reportsDelivery } from "./sms/gateway-options.js";
import { receiveMessage, runCommand } from "./sms/inbound.js";
import { type Draft, fateOf, giveUp, markSent, queuedMessage, queueMessage, storeIn } from "./sms/messages.js";
import { outcomeOf, reportMessage, reportPart } from "./sms/reports.js";
import { senderOf } from "./sms/sender.js";
import { closeSmpp, smppLink } from "./sms/smpp-gateway.js";

/** Parts of a text that may be sent. Errors: ApiError "wrong parameter". */
function coded(text: string, unicode: boolean, { settings }: Services): CodedText {
  const most = settings.current.smsmaxparts;
  const done = codeText(text, unicode);
  if (text.trim() === "") throw new ApiError("wrong parameter", "txt is empty; it must be the text of the message");
  if (done.parts.length > most)
    throw new ApiError("wrong parameter", `txt is ${done.parts.length} messages long; at most ${most} are sent`);
  return done;
}

/** Administrators send free of charge, unless they act for a user. Errors: ApiError. */
function priceOf(to: string, parts: number, { caller, services }: ActionContext): { cost: string; currency: string } {
  const account = String(caller.fields["currency"] ?? "");
  if (caller.id === 0 || isAdmin(caller.kind))
    return { cost: "0", currency: account || services.settings.current.currency };
  const rate = services.rates.find(to, Number(caller.fields["parentid"] ?? 0), "sms");
  if (rate === undefined) throw new ApiError("not found", `no rate for messages to ${to}`);
  const { price, currency } = rate;
  if (currency !== account && account !== "")
    throw new ApiError("conflict", `messages to ${to} are priced in ${currency}, but the account is in ${account}`);
  const each = parseAmount(price) ?? 0n;
  return { cost: formatAmount(each > 0n ? each * BigInt(parts) : 0n), currency };
}

/** The sender that the request names, else the account's number, else `smsfrom`. */
function senderFor(input: Input, { caller, services }: ActionContext): string {
  const named = senderOf(cellText(input["from"]));
  if (named !== undefined) return named;
  const phone = digitsOf(cellText(caller.fields["phone"]));
  return /^\d{3,15}$/.test(phone) ? phone : (senderOf(services.settings.current.smsfrom) ?? "");
}

/** Errors: ApiError "wrong parameter". */
function recipientOf(input: Input, { caller }: ActionContext): string {
  const written = normalNumber(cellText(input["to"]), countryCode(cellText(caller.fields["country"])));
  if (written === undefined) throw new ApiError("wrong parameter", "to must be a phone number");
  return written.number;
}

async function send(input: Input, context: ActionContext) {
  const { services, session, caller, store } = context;
  checkGateway(services.settings.current);
  const to = recipientOf(input, context);
  const text = wellFormed(cellText(input["text"]));
  const { coding, parts } = coded(text, String(input["unicode"] ?? "0") === "1", services);
  const { cost, currency } = priceOf(to, parts.length, context);
  const base = { userId: caller.id, from: senderFor(input, context), to, text, coding };
  const draft: Draft = { ...base, parts: parts.length, cost, currency };
  if ((parseAmount(cost) ?? 0n) > 0n)
    await takePrice(
      { user: caller.id, amount: cost, kind: "sms", reference: `to ${to}, parts: ${parts.length}` },
      context,
    );
  const id = await queueMessage(session, store, draft);
  if (String(input["wait"] ?? "0") === "1") context.afterwards(() => outcome(id, services));
  return { id, parts: parts.length, cost, currency, coding, status: "queued" };
}

/** Milliseconds between two looks. */
const LOOK_EVERY = 100;

/** What is known of a message when its report has come, or `smswait` is over. Errors: ApiError for one that failed. */
async function outcome(id: number, services: Services): Promise<{ status: string }> {
  const { settings, database, status: server } = services;
  const last = reportsDelivery(settings.current) ? ["delivered"] : ["sent", "delivered"];
  const end = Date.now() + settings.current.smswait * 1_000;
  for (;;) {
    const { status = "queued", refunded } = (await fateOf(database, id)) ?? {};
    if (status === "failed")
      throw new ApiError("failed", `message ${id} was not delivered${refunded ? ", its price is given back" : ""}`);
    if (last.includes(status) || Date.now() >= end || server.draining) return { status };
    await pause(LOOK_EVERY);
  }
}

/** Errors: ApiError "not configured" or "auth failed". */
function checkSecret(sent: string, { settings }: Services): void {
  const { smssecret } = settings.current;
  if (smssecret === "") throw new ApiError("not configured", "set smssecret to take delivery reports");
  if (!sameText(sent, smssecret)) throw new ApiError("auth failed", "wrong secret");
}

async function report(input: Input, { services }: ActionContext) {
  checkSecret(cellText(input["secret"]), services);
  const status = outcomeOf(cellText(input["status"]));
  if (status === null)
    throw new ApiError(
      "wrong parameter",
      "status must be a number such as 1 or 2, or a word such as DELIVRD or UNDELIV",
    );
  const id = Number(input["id"] ?? 0);
  const providerId = cellText(input["provider"]);
  if (status === undefined) return { status: "noted" };
  if (id > 0 && (await fateOf(services.database, id)) !== undefined) await reportMessage(id, status, services);
  else if (id > 0 || providerId === "" || !(await reportPart(providerId, status, services)))
    throw new ApiError("not found", "no message has this id");
  return { status };
}

/** The body of an `sms.queue`: what a hook wants sent. */
interface Wanted {
  to?: string;
  text?: string;
}

const sms: Action = {
  name: "sms",
  operations: {
    send: {
      summary: "Takes the price of a message and queues it.",
      input: {
        "from?": "Digits, or up to 11 letters and digits.",
        to: "A phone number as it is written; national forms are read as those of the caller's country.",
        text: "The text.",
        "unicode?": "1 sends it as UCS-2.",
        "wait?": "1 waits for the delivery report before the answer.",
      },
      transactional: true,
      run: send,
    },
    receive: {
      summary: "Stores a message that came in, once, and runs the command that it holds.",
      input: {
        from: "Its sender.",
        to: "The number that it was sent to.",
        text: "The text.",
        "id?": "The provider's id of it.",
      },
      transactional: true,
      async run(input, { session, services, store }) {
        const message = { from: cellText(input["from"]), to: cellText(input["to"]), text: cellText(input["text"]) };
        const providerId = cellText(input["id"]);
        return { id: await receiveMessage(session, { ...message, providerId }, services, store) };
      },
    },
    report: {
      summary: "Books what the network says of a message: delivered, or not and refunded.",
      input: {
        secret: "As smssecret.",
        status: "The gateway's number or word.",
        "id?": "The message's id here.",
        "provider?": "The gateway's id of it.",
      },
      transactional: false,
      run: report,
    },
  },
  deliveries: {
    send: {
      summary: "Hands a message to the gateway.",
      seconds: 30,
      tries: 10,
      async deliver({ body }, { services, signal }) {
        const { id } = body as { id: number };
        const message = await queuedMessage(services.database, id);
        if (message === undefined) return undefined;
        await sendMessage(message, services, signal);
        return (session) => markSent(session, id, services.settings.current.smsrefund);
      },
      givenUp({ body }, reason) {
        const { id } = body as { id: number };
        return (session) => giveUp(session, id, reason);
      },
    },
    queue: {
      summary: "Makes a message of what a hook wants sent.",
      seconds: 30,
      tries: 10,
      deliver: async ({ body, entry }, { services }) => queueWanted(body as Wanted, entry, services),
    },
    command: {
      summary: "Runs a command that came by SMS, and answers by SMS.",
      seconds: 60,
      tries: 3,
      deliver: ({ body }, { services }) => runCommand(body, services),
    },
  },
  start(services) {
    smppLink(services).keep();
  },
  stop: closeSmpp,
};

/** What a hook wants sent becomes a message like others, free of charge. Errors: ApiError that tells what is wrong with it. */
function queueWanted({ to = "", text = "" }: Wanted, entry: string, services: Services) {
  checkGateway(services.settings.current);
  const number = digitsOf(to);
  if (!/^\d{3,32}$/.test(number)) throw new ApiError("wrong parameter", "to must be a phone number");
  const { coding, parts } = coded(wellFormed(text), false, services);
  const { smsfrom, currency } = services.settings.current;
  const base = { userId: 0, from: senderOf(smsfrom) ?? "", to: number, text: wellFormed(text) };
  const draft: Draft = { ...base, coding, parts: parts.length, cost: "0", currency };
  return async (session: ActionContext["session"]) =>
    void (await queueMessage(session, storeIn(session, services.outbox, entry, 0), draft));
}

export default sms;
