/** What a centre delivers: receipts for messages that went out, and messages that came in. */
import type { Pdu } from "smpp";
import type { Services } from "../../engine/contracts.js";
import { receiveMessage } from "./inbound.js";
import { storeIn } from "./messages.js";
import { outcomeOf, reportPart } from "./reports.js";

const RECEIPT = 0x04;
const WORDS_OF_STATES: Readonly<Record<number, string>> = {
  2: "DELIVRD",
  3: "EXPIRED",
  4: "DELETED",
  5: "UNDELIV",
  8: "REJECTD",
};

/** Stores it; the centre is told that it arrived only afterwards. Errors: DatabaseError. */
export async function receivedOverSmpp(pdu: Pdu, services: Services): Promise<void> {
  const text = textOf(pdu);
  if ((Number(pdu["esm_class"] ?? 0) & RECEIPT) === 0) return received(pdu, text, services);
  const { id, status } = receiptOf(pdu, text);
  const outcome = outcomeOf(status);
  if (outcome === undefined || outcome === null || id === "") return;
  if (!(await reportPart(id, outcome, services)))
    services.log.warn({ event: "smpp", status }, "a receipt names a message that is not known here");
}

async function received(pdu: Pdu, text: string, services: Services): Promise<void> {
  const { database, outbox } = services;
  const message = { from: String(pdu["source_addr"] ?? ""), to: String(pdu["destination_addr"] ?? ""), text };
  await database.transaction((session) =>
    receiveMessage(session, message, services, storeIn(session, outbox, "smsreceive", 0)),
  );
  outbox.wake();
}

/** Optional fields where the centre sends them, else the words of the text: `id:... stat:DELIVRD`. */
function receiptOf(pdu: Pdu, text: string): { id: string; status: string } {
  const id = pdu["receipted_message_id"] ?? /\bid:(\S+)/i.exec(text)?.[1] ?? "";
  const status = WORDS_OF_STATES[Number(pdu["message_state"])] ?? /\bstat:(\w+)/i.exec(text)?.[1] ?? "";
  return { id: String(id), status };
}

function textOf(pdu: Pdu): string {
  const { message } = (pdu["message_payload"] ?? pdu["short_message"] ?? {}) as { message?: string | Buffer };
  return typeof message === "string" ? message : (message?.toString("latin1") ?? "");
}
