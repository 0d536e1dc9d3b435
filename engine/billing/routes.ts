/** Which SIP server a call would leave through, and why each of the others would not be taken. */
import type { Rate } from "../contracts.js";
import { listItems } from "../list-items.js";

/**
 * A user of type 9. `routing` has the prefixes and the destinations of the price list (by name) that it takes, with commas
 * between; empty takes every number, the word `null` none. Of two servers the lower `priority` comes first.
 */
export interface SipServer {
  id: number;
  name: string;
  enabled: boolean;
  routing: string;
  priority: number;
}

export interface Judged {
  server: SipServer;
  chosen: boolean;
  reason: string;
}

interface Fitting {
  server: SipServer;
  /** Digits of the number that its routing names. */
  length: number;
}

/** All servers, the one that is taken first, then those that could be, in their order; it has the longest prefix. */
export function judgeServers(servers: readonly SipServer[], number: string, rate: Rate | undefined): Judged[] {
  const fitting: Fitting[] = [];
  const others: Judged[] = [];
  for (const server of servers) {
    const length = server.enabled ? fittingDigits(server, number, rate) : undefined;
    if (length === undefined) others.push({ server, chosen: false, reason: whyNot(server) });
    else fitting.push({ server, length });
  }
  fitting.sort(
    (one, other) =>
      other.length - one.length || one.server.priority - other.server.priority || one.server.id - other.server.id,
  );
  const [best] = fitting;
  const judged = fitting.map((it) => ({
    server: it.server,
    chosen: it === best,
    reason: whyAfter(it, best ?? it, number),
  }));
  return [...judged, ...others];
}

const wordsOf = ({ routing }: SipServer): string[] => listItems(routing);

/** undefined when it does not take the number. */
function fittingDigits(server: SipServer, number: string, rate: Rate | undefined): number | undefined {
  const words = wordsOf(server);
  if (words.length === 0) return 0;
  const lengths = words.flatMap((word) => {
    if (/^\d+$/.test(word)) return number.startsWith(word) ? [word.length] : [];
    return word.toLowerCase() === rate?.name.toLowerCase() ? [rate.prefix.length] : [];
  });
  return lengths.length === 0 ? undefined : Math.max(...lengths);
}

function whyNot(server: SipServer): string {
  if (!server.enabled) return "it is switched off";
  const words = wordsOf(server);
  return words.join() === "null" ? "it takes no calls" : `it takes only ${words.join(", ")}`;
}

function whyAfter({ server, length }: Fitting, best: Fitting, number: string): string {
  const taken = length === 0 ? "every number" : number.slice(0, length);
  const fits = `takes ${taken}, priority ${server.priority}`;
  if (server === best.server) return fits;
  if (length < best.length) return `${fits}: ${best.server.name} takes a longer prefix`;
  if (server.priority > best.server.priority) return `${fits}: ${best.server.name} has a lower one`;
  return `${fits}: ${best.server.name} was there before`;
}
