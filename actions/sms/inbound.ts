/** Messages that come in: stored once, and carried out where they hold a command. */
import type { ActionContext, Booking, Incoming, Services } from "../../engine/contracts.js";
import { DatabaseError, type Session } from "../../engine/database/database.js";
import { toDatetime } from "../../engine/datetime.js";
import { digitsOf } from "../../engine/digits.js";
import { codeText, wellFormed } from "./coding.js";
import { commandOf, type SmsCommand } from "./command.js";
import { checkGateway } from "./gateway-options.js";
import { queueMessage, storeIn } from "./messages.js";
import { accountOfNumber } from "./number-owner.js";

export interface Received {
  from: string;
  to: string;
  text: string;
  /** The provider's own id; a message that comes again with it is not taken a second time. */
  providerId?: string;
}

/** What the outbox keeps of a command. */
interface StoredCommand {
  id: number;
  from: string;
  to: string;
  account: number | null;
  entry: string;
  /** JSON of the values and the login, sealed: there may be a password or a PIN in it. */
  sealed: string;
  guessed: boolean;
}

/** Stores a message, and its command beside it; answers its id, the same for one that comes again. */
export async function receiveMessage(
  session: Session,
  message: Received,
  services: Services,
  store: ActionContext["store"],
): Promise<number> {
  const { settings } = services;
  const from = digitsOf(message.from).slice(0, 64);
  const to = digitsOf(message.to).slice(0, 64);
  const command = commandOf(message.text, from, allowedOf(settings.current.smscommands));
  const account = await accountOfNumber(session, from);
  const text = command?.shown ?? wellFormed(message.text);
  const inboundId = message.providerId ? `${from} ${message.providerId}`.slice(0, 255) : null;
  const id = await insert(session, { from, to, text, inboundId, userId: account ?? 0 });
  if (id === undefined) return storedBefore(session, inboundId);
  if (command === undefined || (command.login === undefined && account === undefined)) return id;
  const body = storedCommand(command, { id, from, to, account: account ?? null }, services);
  await store({ kind: "sms.command", lane: `sms ${from}`.slice(0, 64), body });
  return id;
}

const allowedOf = (names: string): ReadonlySet<string> => new Set(names.toLowerCase().split(/[\s,;]+/));

interface NewRow {
  from: string;
  to: string;
  text: string;
  inboundId: string | null;
  userId: number;
}

/** undefined when it is there already. */
async function insert(session: Session, { from, to, text, inboundId, userId }: NewRow): Promise<number | undefined> {
  const { coding, parts } = codeText(text);
  try {
    const { insertId } = await session.run({
      text: `insert into tb_sms (datum, direction, userid, fromnumber, tonumber, body, coding, parts, status, inboundid)
        values (?, 'in', ?, ?, ?, ?, ?, ?, 'received', ?)`,
      values: [toDatetime(Date.now()), userId, from, to, text, coding, parts.length, inboundId],
    });
    return insertId;
  } catch (cause) {
    if (cause instanceof DatabaseError && cause.kind === "duplicate") return undefined;
    throw cause;
  }
}

async function storedBefore(session: Session, inboundId: string | null): Promise<number> {
  const { rows } = await session.run({ text: "select id from tb_sms where inboundid = ?", values: [inboundId] });
  return Number(rows[0]?.["id"]);
}

const storedCommand = (
  { entry, values, login, guessed }: SmsCommand,
  message: Pick<StoredCommand, "id" | "from" | "to" | "account">,
  { passwords }: Services,
): StoredCommand => ({ ...message, entry, sealed: passwords.seal(JSON.stringify({ values, login })), guessed });

/** Runs the command as a request like any other; its answer goes back by SMS, together with the end of the item. */
export async function runCommand(body: unknown, services: Services): Promise<Booking | undefined> {
  const command = body as StoredCommand;
  const { body: answered } = await services.handle(incomingOf(command, services));
  const text = answered.toString().trim();
  if (command.guessed && text.startsWith("ERROR")) return undefined;
  return (session) => answer(session, command, text, services);
}

function incomingOf(command: StoredCommand, { passwords }: Services): Incoming {
  const { id, from, entry, account, sealed } = command;
  const opened = passwords.open(sealed);
  if (opened === undefined) throw new Error("this command was sealed under another key");
  const { values, login } = JSON.parse(opened) as Pick<SmsCommand, "values" | "login">;
  const named: [string, string][] = [
    ["format", "text"],
    // A command that is run again after a crash is done once where its entry can tell.
    ["idempotencykey", `sms-${id}`],
  ];
  // A PIN alone belongs to the account whose number sent it.
  const name = login?.name ?? account?.toString() ?? "";
  if (login !== undefined) named.push(["authid", name], ["authpwd", login.password]);
  const peer: Incoming["peer"] = {
    transport: "sms",
    address: `sms ${from}`,
    forwarded: false,
    connection: `sms ${id}`,
    ...(account === null ? {} : { account }),
  };
  const request = { entry, named, positional: values, rest: values.join(" ") };
  return { peer, target: "", body: Buffer.alloc(0), contentType: "", command: request };
}

const HOUR = 3_600_000;
/** Parts of an answer; the rest is cut off. */
const ANSWER_PARTS = 3;

/** Nothing goes to a word, or where no gateway is set, or beyond `smsanswers`. */
async function answer(session: Session, { id, from, to }: StoredCommand, text: string, services: Services) {
  const { settings, outbox, log } = services;
  if (!/^\d+$/.test(from) || !canSend(services)) return;
  const { rows } = await session.run({
    text: "select count(*) as n from tb_sms where tonumber = ? and datum > ? and answers > 0",
    values: [from, toDatetime(Date.now() - HOUR)],
  });
  if (Number(rows[0]?.["n"]) >= settings.current.smsanswers)
    return log.warn({ event: "sms", message: id }, "no more answers go to this number within the hour");
  const { coding, parts } = codeText(text);
  const kept = parts.slice(0, ANSWER_PARTS);
  const draft = { userId: 0, from: to || settings.current.smsfrom, to: from, text: kept.join(""), coding };
  const price = { parts: kept.length, cost: "0", currency: "" };
  await queueMessage(session, storeIn(session, outbox, "smsreceive", 0), { ...draft, ...price, answers: id });
}

function canSend({ settings }: Services): boolean {
  try {
    checkGateway(settings.current);
    return true;
  } catch {
    return false;
  }
}
