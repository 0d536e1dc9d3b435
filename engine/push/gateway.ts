/** Ways to a phone or browser: an HTTP gateway of the options, and web push with keys of one's own. */
import webpush, { WebPushError } from "web-push";
import { PassingError } from "../errors.js";
import type { Settings } from "../settings.js";

export interface Notification {
  type: string;
  from: string;
  to: string;
  title: string;
  message: string;
  platform: string;
  package: string;
  /** What the app got from its push service; of a browser its subscription as JSON. */
  token: string;
}

/** Thrown where the push service says that there is no such app any more. */
export class TokenGone extends Error {
  override readonly name = "TokenGone";
}

type PushSettings = Pick<Settings, "pushurl" | "pushkey" | "vapidpublickey" | "vapidprivatekey" | "vapidsubject">;
interface Subscription {
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

/** undefined for a token that is not a browser's. */
function subscriptionOf(token: string): Subscription | undefined {
  if (!token.startsWith("{")) return undefined;
  try {
    const { endpoint, keys } = JSON.parse(token) as Partial<Subscription>;
    const whole = typeof endpoint === "string" && typeof keys?.p256dh === "string" && typeof keys.auth === "string";
    return whole && endpoint.startsWith("https://") ? { endpoint, keys } : undefined;
  } catch {
    return undefined;
  }
}

/** What the owner has to set first for this token; undefined when it can be sent. */
export function pushLacks(token: string, { pushurl, vapidpublickey, vapidprivatekey, vapidsubject }: PushSettings) {
  if (subscriptionOf(token) === undefined)
    return pushurl === "" ? "set pushurl to the address of a push gateway" : undefined;
  const ready = vapidpublickey !== "" && vapidprivatekey !== "" && vapidsubject !== "";
  return ready ? undefined : "set vapidpublickey, vapidprivatekey and vapidsubject for browsers";
}

/** Errors: PassingError when a later try may do better; TokenGone; Error. */
export async function push(notification: Notification, settings: PushSettings, signal: AbortSignal): Promise<void> {
  const lacks = pushLacks(notification.token, settings);
  if (lacks !== undefined) throw new Error(`not configured: ${lacks}`);
  const subscription = subscriptionOf(notification.token);
  const status =
    subscription === undefined
      ? await toGateway(notification, settings, signal)
      : await toBrowser(subscription, notification, settings);
  if (status >= 200 && status < 300) return;
  if (status === 404 || status === 410) throw new TokenGone("the push service knows this token no more");
  const words = `the push service answered ${status}`;
  throw status === 429 || status >= 500 ? new PassingError(words) : new Error(words);
}

async function toGateway(
  notification: Notification,
  { pushurl, pushkey }: PushSettings,
  signal: AbortSignal,
): Promise<number> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (pushkey !== "") headers["authorization"] = `Bearer ${pushkey}`;
  try {
    const answer = await fetch(pushurl, {
      method: "POST",
      headers,
      body: JSON.stringify(notification),
      redirect: "error",
      signal,
    });
    await answer.body?.cancel();
    // Here a 404 is a wrong address of the gateway, not a token that is gone.
    return answer.status === 404 ? 400 : answer.status;
  } catch (cause) {
    throw new PassingError("the push gateway does not answer", { cause });
  }
}

/** Milliseconds. */
const TIMEOUT = 20_000;

async function toBrowser(
  subscription: Subscription,
  { title, message, type, from }: Notification,
  settings: PushSettings,
): Promise<number> {
  const { vapidsubject: subject, vapidpublickey: publicKey, vapidprivatekey: privateKey } = settings;
  try {
    const payload = JSON.stringify({ type, from, title, message });
    const options = { vapidDetails: { subject, publicKey, privateKey }, timeout: TIMEOUT };
    return (await webpush.sendNotification(subscription, payload, options)).statusCode;
  } catch (cause) {
    if (cause instanceof WebPushError) return cause.statusCode;
    if (cause instanceof Error && "code" in cause)
      throw new PassingError("the browser's push service does not answer", { cause });
    throw cause;
  }
}
