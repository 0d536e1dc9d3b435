/** Delivery reports: what the network says of a message, in the words of gateways and centres. */
import { setTimeout as pause } from "node:timers/promises";
import type { Services } from "../../engine/contracts.js";
import { messagesOf, type Outcome, settle, settlePart } from "./messages.js";

/** Numbers of HTTP gateways (1 delivered, 2 not, 16 refused), words of receipts; 4 and 8 are on the way. */
const OUTCOMES: readonly [RegExp, Outcome | undefined][] = [
  [/^(1|deliv(ere)?re?d)$/i, "delivered"],
  [/^(2|16|undeliv(ere?d|erable)?|expired|deleted|rejectd|rejected|failed)$/i, "failed"],
  [/^(4|8|acceptd|accepted|enroute|buffered|queued|sent|submitted|unknown)$/i, undefined],
];

/** The outcome that a status tells; undefined for one that is not final, null for one that nobody knows. */
export function outcomeOf(status: string): Outcome | undefined | null {
  const found = OUTCOMES.find(([pattern]) => pattern.test(status));
  return found === undefined ? null : found[1];
}

/** Milliseconds before the next look: a report may overtake the answer that tells the id of its message. */
const PAUSES = [50, 150, 400, 1_000];

/** Books the report about one part. Answers false where nobody knows its id. */
export async function reportPart(providerId: string, outcome: Outcome, services: Services): Promise<boolean> {
  const { database, settings } = services;
  let ids = await messagesOf(database, providerId);
  for (const milliseconds of PAUSES) {
    if (ids.length > 0) break;
    await pause(milliseconds);
    ids = await messagesOf(database, providerId);
  }
  for (const id of ids)
    await database.transaction((session) => settlePart(session, id, providerId, outcome, settings.current.smsrefund));
  return ids.length > 0;
}

/** Books the report about a whole message. */
export async function reportMessage(id: number, outcome: Outcome, services: Services): Promise<void> {
  const { database, settings } = services;
  await database.transaction((session) => settle(session, id, outcome, settings.current.smsrefund));
}
