/** A request as one text: a line, a packet or a message. */
import type { Incoming } from "../contracts.js";
import type { Peer } from "../request.js";
import { WEBSOCKET_PATH } from "../target.js";

/** Whether a text can be a request, and not only the blob of a hidden one. */
export const looksLikeRequest = (text: string): boolean => isTarget(text) || /^[?{<[]|=/.test(text);

/** Takes `/mvapireq/?...`, a whole address, or what could be the body of a POST: `apientry=...`, JSON, XML, INI. */
export function incomingOf(text: string, peer: Peer): Incoming {
  const request = text.trim();
  if (isTarget(request)) return { peer, target: request, body: NOTHING, contentType: "" };
  return { peer, target: "", body: Buffer.from(request, "utf8"), contentType: "" };
}

const NOTHING = Buffer.alloc(0);
const TARGET = new RegExp(`^\\s*(?:/|(?:https?|wss?)://|mvapi|${WEBSOCKET_PATH})`, "i");
const isTarget = (text: string): boolean => TARGET.test(text);
