/** Who may see the metrics, and what they see when the figures can't be had. */
import type { Admission } from "../admit/admit.js";
import type { Services } from "../contracts.js";
import type { EncodedAnswer, Peer } from "../request.js";
import { CONTENT_TYPE, exposition } from "./exposition.js";

/** undefined for an address that isn't trusted. Never rejects. */
export async function metricsPage(
  peer: Peer,
  admission: Admission,
  services: Services,
): Promise<EncodedAnswer | undefined> {
  if (!admission.isTrusted(peer)) return undefined;
  try {
    return { status: 200, contentType: CONTENT_TYPE, body: await exposition(services), close: false };
  } catch (err) {
    services.log.error({ event: "metrics", err }, "the metrics can't be told");
    const body = "ERROR: not available: the database does not answer";
    return { status: 503, contentType: "text/plain; charset=utf-8", body, close: false };
  }
}
