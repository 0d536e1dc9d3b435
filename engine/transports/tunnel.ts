/** Requests that are hidden as a whole: a line or a packet that is a blob under `httpapiencryptkey`, answered in kind. */
import type { TransportContext } from "../connections/context.js";
import { hide, isBlob, reveal } from "../obfuscation.js";
import type { EncodedAnswer, Peer } from "../request.js";
import { incomingOf, looksLikeRequest } from "./request-line.js";

/** Answers a request line or a packet, hidden or not. */
export type AnswerText = (text: string, peer: Peer) => Promise<EncodedAnswer>;

export const makeAnswerText =
  ({ handle, settings, tunnels }: TransportContext): AnswerText =>
  async (text, peer) => {
    const key = settings.current.httpapiencryptkey;
    const opened = key === "" ? undefined : requestInBlob(text.trim(), key);
    if (opened === undefined) return handle(incomingOf(text, peer));
    const answer = await handle(incomingOf(opened, { ...peer, transport: "tunnel" }));
    const hidden = hide(answer.body.toString(), key);
    tunnels.note(peer, Buffer.byteLength(text), Buffer.byteLength(hidden));
    return { ...answer, body: peer.transport === "udp" ? hidden : `${hidden}\n` };
  };

/** Only what opens to a request is a blob: a word of one's own could be one by its letters. */
function requestInBlob(text: string, key: string): string | undefined {
  if (looksLikeRequest(text) || !isBlob(text)) return undefined;
  const opened = reveal(text, key);
  return opened !== undefined && looksLikeRequest(opened) ? opened : undefined;
}
