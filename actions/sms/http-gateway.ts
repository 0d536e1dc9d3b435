/** SMS through a gateway that takes a message by one GET. */
import { PassingError } from "../../engine/errors.js";
import type { Settings } from "../../engine/settings.js";
import { partHeader } from "./coding.js";
import type { Message } from "./messages.js";

const PLACE = /\{(from|to|text|coding|id|udh|dlr)\}/g;

/** What one request carries: a whole message, which the gateway splits, or a part of one. */
interface Piece {
  text: string;
  /** Of a part, from 1. */
  part: number;
  udh: Buffer;
  /** Parameters by which a report names it. */
  reportedAs: string;
}

/**
 * Hands the message over, and `remember`s by which ids reports will name it where they don't name it by its own.
 * Errors: PassingError where the gateway can't be reached or is busy; Error where it refused the message.
 */
export async function sendByHttp(
  message: Message,
  taken: ReadonlySet<number>,
  remember: (part: number, providerId: string) => Promise<void>,
  settings: Settings,
  signal: AbortSignal,
): Promise<void> {
  for (const piece of piecesOf(message, settings)) {
    if (taken.has(piece.part)) continue;
    const { status, ok, body } = await ask(addressFor(message, piece, settings), signal);
    if (status >= 500 || status === 408 || status === 429)
      throw new PassingError(`the gateway is busy: HTTP ${status} ${shown(body)}`);
    if (!ok || !matcher(settings.smssuccess).test(body))
      throw new Error(`the gateway refused it: HTTP ${status} ${shown(body)}`);
    const found = settings.smsidpattern === "" ? undefined : matcher(settings.smsidpattern).exec(body)?.[1];
    const id = found ?? (splitsHere(settings) ? partId(message, piece.part) : undefined);
    if (id !== undefined) await remember(piece.part, id);
  }
}

const splitsHere = ({ smsurl }: Settings): boolean => smsurl.includes("{udh}");
const partId = ({ id }: Message, part: number): string => `${id}.${part}`;

function piecesOf(message: Message, settings: Settings): Piece[] {
  if (!splitsHere(settings))
    return [{ text: message.text, part: 1, udh: Buffer.alloc(0), reportedAs: `id=${message.id}` }];
  return message.parts.map((text, index) => {
    const part = index + 1;
    return { text, part, udh: partHeader(message, part), reportedAs: `providerid=${partId(message, part)}` };
  });
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

function addressFor(message: Message, piece: Piece, settings: Settings): string {
  const values: Record<string, string> = {
    from: message.from,
    to: message.to,
    text: piece.text,
    coding: message.coding === "ucs2" ? "2" : "0",
    id: String(message.id),
    dlr: reportAddress(piece, settings),
  };
  const encoded = (name: string) =>
    name === "udh" ? piece.udh.toString("hex").replace(/../g, "%$&") : encodeURIComponent(values[name] ?? "");
  return settings.smsurl.replace(PLACE, (_, name: string) => encoded(name));
}

/** The option's text stays as it is, so that the gateway's mark for the status (`%d`) does. */
function reportAddress({ reportedAs }: Piece, { smsreporturl, smssecret }: Settings): string {
  const joint = smsreporturl.includes("?") ? "&" : "?";
  return `${smsreporturl}${joint}${reportedAs}&secret=${encodeURIComponent(smssecret)}`;
}
