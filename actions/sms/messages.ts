/** The rows of `tb_sms` that go out: queued with the change that caused them, settled once, refunded once. */
import type { ActionContext, Outbox } from "../../engine/contracts.js";
import type { Session } from "../../engine/database/database.js";
import { toDatetime } from "../../engine/datetime.js";
import type { Row } from "../../engine/request.js";
import { refund } from "../ledger.js";
import { type Coding, codeText } from "./coding.js";

/** `queued` until the gateway has it, `sent` until the network tells; the other two are final. */
export type Status = "queued" | "sent" | "delivered" | "failed";
export type Outcome = Extract<Status, "delivered" | "failed">;

/** A message as the gateway gets it. */
export interface Message {
  id: number;
  from: string;
  to: string;
  text: string;
  coding: Coding;
  parts: string[];
}

export interface Draft {
  /** Whose message it is; 0 for the server's own. */
  userId: number;
  from: string;
  /** Digits. */
  to: string;
  text: string;
  coding: Coding;
  parts: number;
  /** Decimal text; 0 where nothing was taken. */
  cost: string;
  currency: string;
  /** The message that came in and is answered; 0 for none. */
  answers?: number;
}

/** Stores a message and the item of the outbox that sends it, in one transaction with what paid for it; answers its id. */
export async function queueMessage(session: Session, store: ActionContext["store"], draft: Draft): Promise<number> {
  const { userId, from, to, text, coding, parts, cost, currency, answers = 0 } = draft;
  const { insertId } = await session.run({
    text: `insert into tb_sms (datum, direction, userid, fromnumber, tonumber, body, coding, parts, cost, currency, status, answers)
      values (?, 'out', ?, ?, ?, ?, ?, ?, cast(? as decimal(18,6)), ?, 'queued', ?)`,
    values: [toDatetime(Date.now()), userId, from, to, text, coding, parts, cost, currency, answers],
  });
  await store({ kind: "sms.send", body: { id: insertId } });
  return insertId;
}

/** Stores items of the outbox where there is no entry that runs. */
export const storeIn =
  (session: Session, outbox: Outbox, entry: string, userId: number): ActionContext["store"] =>
  (item) =>
    outbox.put(session, { ...item, entry, userId });

/** The message where it still has to be sent. */
export async function queuedMessage(session: Session, id: number): Promise<Message | undefined> {
  const { rows } = await session.run({
    text: "select id, fromnumber, tonumber, body, coding from tb_sms where id = ? and status = 'queued'",
    values: [id],
  });
  return rows[0] === undefined ? undefined : messageOf(rows[0]);
}

function messageOf(row: Row): Message {
  const text = String(row["body"] ?? "");
  return {
    id: Number(row["id"]),
    from: String(row["fromnumber"] ?? ""),
    to: String(row["tonumber"] ?? ""),
    text,
    ...codeText(text, row["coding"] === "ucs2"),
  };
}

/** undefined where no message of that id went out. */
export async function fateOf(session: Session, id: number): Promise<{ status: Status; refunded: boolean } | undefined> {
  const { rows } = await session.run({
    text: "select status, refunded from tb_sms where id = ? and direction = 'out'",
    values: [id],
  });
  const [row] = rows;
  return row && { status: row["status"] as Status, refunded: row["refunded"] === 1 };
}

/** The parts that the gateway has taken already, by their places from 1. */
export async function takenParts(session: Session, id: number): Promise<ReadonlySet<number>> {
  const { rows } = await session.run({ text: "select part from tb_smsparts where smsid = ?", values: [id] });
  return new Set(rows.map((row) => Number(row["part"])));
}

/** Remembers under which id the gateway has taken a part, so that a later try leaves it out and a report finds it. */
export async function rememberPart(session: Session, id: number, part: number, providerId: string): Promise<void> {
  // A try before this one may have got through, though its answer did not.
  await session.run({
    text: `insert into tb_smsparts (smsid, part, providerid) select id, ?, ? from tb_sms where id = ?
      and not exists (select 1 from tb_smsparts p where p.smsid = tb_sms.id and p.part = ?)`,
    values: [part, providerId, id, part],
  });
}

/** The gateway has all of it. A report may have come before. */
export async function markSent(session: Session, id: number, refunds: boolean): Promise<void> {
  await session.run({ text: "update tb_sms set status = 'sent' where id = ? and status = 'queued'", values: [id] });
  await settleByParts(session, id, refunds);
}

const UNDELIVERED = "the network did not deliver it";

/** What the network says of a message. Reports may come twice and in any order: the first that is final counts. */
export async function settle(session: Session, id: number, outcome: Outcome, refunds: boolean): Promise<void> {
  const { changed } = await session.run({
    text: "update tb_sms set status = ?, reason = ? where id = ? and direction = 'out' and status in ('queued', 'sent')",
    values: [outcome, outcome === "failed" ? UNDELIVERED : null, id],
  });
  if (changed === 1 && outcome === "failed" && refunds) await refundMessage(session, id);
}

/** The messages that have a part of that id. */
export async function messagesOf(session: Session, providerId: string): Promise<number[]> {
  const text = "select distinct smsid from tb_smsparts where providerid = ?";
  const { rows } = await session.run({ text, values: [providerId] });
  return rows.map((row) => Number(row["smsid"]));
}

/** What the network says of a part of that message; the first report that is final counts. */
export async function settlePart(
  session: Session,
  id: number,
  providerId: string,
  outcome: Outcome,
  refunds: boolean,
): Promise<void> {
  await session.run({
    text: "update tb_smsparts set status = ? where providerid = ? and smsid = ? and status = ''",
    values: [outcome, providerId, id],
  });
  // Reports about two parts at the same time wait here for each other, so that the second sees what the first has done.
  await session.run({ text: "update tb_sms set status = status where id = ?", values: [id] });
  await settleByParts(session, id, refunds);
}

/** Delivered with its last part, failed with the first. The row of the message is locked. */
async function settleByParts(session: Session, id: number, refunds: boolean): Promise<void> {
  const { changed } = await session.run({
    text: `update tb_sms set status = 'failed', reason = ? where id = ? and status in ('queued', 'sent')
      and exists (select 1 from tb_smsparts p where p.smsid = tb_sms.id and p.status = 'failed')`,
    values: [UNDELIVERED, id],
  });
  if (changed === 1 && refunds) await refundMessage(session, id);
  await session.run({
    text: `update tb_sms set status = 'delivered' where id = ? and status = 'sent'
      and exists (select 1 from tb_smsparts p where p.smsid = tb_sms.id)
      and not exists (select 1 from tb_smsparts p where p.smsid = tb_sms.id and p.status <> 'delivered')`,
    values: [id],
  });
}

/** It was never sent: its price goes back, unless something else has settled it before. */
export async function giveUp(session: Session, id: number, reason: string): Promise<void> {
  const { changed } = await session.run({
    text: "update tb_sms set status = 'failed', reason = ? where id = ? and status = 'queued'",
    values: [reason.slice(0, 250), id],
  });
  if (changed === 1) await refundMessage(session, id);
}

async function refundMessage(session: Session, id: number): Promise<void> {
  const { rows } = await session.run({
    text: "select userid, cost from tb_sms where id = ? and cost > 0",
    values: [id],
  });
  const [row] = rows;
  if (row === undefined) return;
  const sale = { user: Number(row["userid"]), amount: String(row["cost"]), kind: "refund", reference: `sms ${id}` };
  await refund(sale, session);
  await session.run({ text: "update tb_sms set refunded = 1 where id = ?", values: [id] });
}
