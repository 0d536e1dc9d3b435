/** Hands messages to the gateway that the options name. */
import type { Services } from "../../engine/contracts.js";
import { patiently } from "../../engine/database/patiently.js";
import { checkGateway } from "./gateway-options.js";
import { sendByHttp } from "./http-gateway.js";
import { type Message, rememberPart, takenParts } from "./messages.js";
import { sendBySmpp } from "./smpp-gateway.js";

/**
 * Hands a message to the gateway; parts that it has from an earlier try are left out.
 * Errors: PassingError where a later try may do better; Error where the gateway refused it.
 */
export async function sendMessage(message: Message, services: Services, signal: AbortSignal): Promise<void> {
  const { database, settings } = services;
  checkGateway(settings.current);
  const taken = await takenParts(database, message.id);
  const remember = (part: number, providerId: string) =>
    patiently(() => rememberPart(database, message.id, part, providerId), signal);
  if (settings.current.smsurl === "") return sendBySmpp(message, taken, remember, services, signal);
  return sendByHttp(message, taken, remember, settings.current, signal);
}
