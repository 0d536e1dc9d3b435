/** SMS through a centre: one link a server, over which messages go out, and reports and messages come in. */
import smpp from "smpp";
import type { Services } from "../../engine/contracts.js";
import { PassingError } from "../../engine/errors.js";
import { type Coding, partHeader } from "./coding.js";
import type { Message } from "./messages.js";
import { receivedOverSmpp } from "./smpp-inbound.js";
import { SmppLink } from "./smpp-link.js";

const links = new WeakMap<Services, SmppLink>();

/** The link of that server. It is opened when it is used first, or by its `keep`. */
export function smppLink(services: Services): SmppLink {
  const known = links.get(services);
  if (known !== undefined) return known;
  const link = new SmppLink(services.settings, services.log, (pdu) => receivedOverSmpp(pdu, services));
  links.set(services, link);
  return link;
}

/** Closes the link where there is one. */
export async function closeSmpp(services: Services): Promise<void> {
  await links.get(services)?.stop();
}

const OK = 0;
/** Statuses of a centre that is busy: system error, queue full, throttled, no resources now. */
const BUSY: ReadonlySet<number> = new Set([0x08, 0x14, 0x58, 0x64]);

/** Errors: PassingError; Error where the centre refused a part. */
export async function sendBySmpp(
  message: Message,
  taken: ReadonlySet<number>,
  remember: (part: number, providerId: string) => Promise<void>,
  services: Services,
  signal: AbortSignal,
): Promise<void> {
  const link = smppLink(services);
  for (const [index, text] of message.parts.entries()) {
    const part = index + 1;
    if (taken.has(part)) continue;
    const { command_status: status, message_id: id } = await link.submit(fieldsOf(message, text, part), signal);
    if (BUSY.has(status)) throw new PassingError(`the SMS centre is busy: status ${status}`);
    if (status !== OK) throw new Error(`the SMS centre refused it: status ${status}`);
    await remember(part, String(id ?? ""));
  }
}

const UDH_INDICATOR = 0x40;
const REPORT_WANTED = 1;
const ENCODERS: Readonly<Record<Coding, { dataCoding: number; encode(text: string): Buffer }>> = {
  gsm: { dataCoding: 0, encode: (text) => smpp.encodings.ASCII.encode(text) },
  ucs2: { dataCoding: 8, encode: (text) => smpp.encodings.UCS2.encode(text) },
};

function fieldsOf(message: Message, text: string, part: number): Record<string, unknown> {
  const { dataCoding, encode } = ENCODERS[message.coding];
  const header = partHeader(message, part);
  return {
    ...sourceOf(message.from),
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    destination_addr: message.to,
    registered_delivery: REPORT_WANTED,
    data_coding: dataCoding,
    esm_class: header.length > 0 ? UDH_INDICATOR : 0,
    short_message: Buffer.concat([header, encode(text)]),
  };
}

/** Types of number: 5 a word, 3 a short number of the network, 1 an international one. */
function sourceOf(from: string) {
  const isNumber = /^\d+$/.test(from);
  const ton = from === "" ? 0 : !isNumber ? 5 : from.length <= 6 ? 3 : 1;
  return { source_addr_ton: ton, source_addr_npi: ton === 1 ? 1 : 0, source_addr: from };
}
