/** The API key that all clients of a server share. */
import { timingSafeEqual } from "node:crypto";
import { ApiError } from "../errors.js";
import type { Throttle } from "./throttle.js";
import type { Check } from "./visit.js";

/** `authkey` against `apiv2key`. Errors: ApiError "auth failed", with the word that tells clients not to try again. */
export const makeKeyCheck =
  (throttle: Throttle): Check =>
  (visit) => {
    const { entry, policy, request } = visit;
    if (policy.key === undefined) return;
    const sent = request.params.get("authkey") ?? "";
    visit.hasKey = sameKey(sent, policy.key);
    if (visit.hasKey || !entry.access.key || ["console", "sms", "local"].includes(request.peer.transport)) return;
    if (sent !== "") throttle.wrongFrom(visit);
    throw new ApiError("auth failed", "wrong key NORETRY");
  };

function sameKey(sent: string, key: Buffer): boolean {
  const bytes = Buffer.from(sent, "utf8");
  return bytes.length === key.length && timingSafeEqual(bytes, key);
}
