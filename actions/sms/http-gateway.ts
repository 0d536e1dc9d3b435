/** SMS through a gateway that takes a message by one GET. */
import { PassingError } from "../../engine/errors.js";
import type { Settings } from "../../engine/settings.js";
import type { Message } from "./messages.js";

const PLACE = /\{(from|to|text|coding|id|parts|dlr)\}/g;

/**
 * Answers the gateway's own id of the message where `smsidpattern` finds one.
 * Errors: PassingError where the gateway can't be reached or is busy; Error where it refused the message.
 */
export async function sendByHttp(
  message: Message,
  settings: Settings,
  signal: AbortSignal,
): Promise<string | undefined> {
  const response = await ask(addressFor(message, settings), signal);
  const { status, ok, body } = response;
  if (status >= 500 || status === 408 || status === 429)
    throw new PassingError(`the gateway is busy: HTTP ${status} ${shown(body)}`);
  if (!ok || !matcher(settings.smssuccess).test(body))
    throw new Error(`the gateway refused it: HTTP ${status} ${shown(body)}`);
  return settings.smsidpattern === "" ? undefined : matcher(settings.smsidpattern).exec(body)?.[1];
}

const matcher = (pattern: string): RegExp => new RegExp(pattern, "iu");
const shown = (body: string): string => body.replace(/\s+/g, " ").trim().slice(0, 100);

async function ask(address: string, signal: AbortSignal) {
  try {
    const response = await fetch(address, { signal, redirect: "error" });
    return { status: response.status, ok: response.ok, body: await response.text() };
  } catch (cause) {
    // The cause may name the address, and with it the gateway's password.
    signal.throwIfAborted();
    const { code } = ((cause as Error).cause ?? {}) as { code?: unknown };
    throw new PassingError(`the gateway can't be reached${typeof code === "string" ? `: ${code}` : ""}`);
  }
}

function addressFor(message: Message, settings: Settings): string {
  const values: Record<string, string> = {
    from: message.from,
    to: message.to,
    text: message.text,
    coding: message.coding === "ucs2" ? "2" : "0",
    id: String(message.id),
    parts: String(message.parts.length),
    dlr: reportAddress(message.id, settings),
  };
  return settings.smsurl.replace(PLACE, (_, name: string) => encodeURIComponent(values[name] ?? ""));
}

/** The option's text stays as it is, so that the gateway's mark for the status (`%d`) does. */
function reportAddress(id: number, { smsreporturl, smssecret }: Settings): string {
  const joint = smsreporturl.includes("?") ? "&" : "?";
  return `${smsreporturl}${joint}id=${id}&secret=${encodeURIComponent(smssecret)}`;
}
