/**
 * The payment gateway, in the plainest form of such services; an adapter speaks it to any other.
 *
 * `POST paymenturl` with `{ reference, amount, currency, card: { number, month, year, cvv } }` charges the card;
 * `GET paymenturl/REFERENCE` tells what became of it, 404 when the gateway has never seen it. Both carry
 * `Authorization: Bearer paymentkey`, and are answered by `{ status: "approved" | "declined" | "pending", reason? }`. A
 * reference is charged once, however often it is sent.
 */
import { ApiError, PassingError } from "../errors.js";
import type { Settings } from "../settings.js";
import type { Card } from "./card.js";

export interface Payment {
  /** Of our own making, unique. */
  reference: string;
  /** Decimal text. */
  amount: string;
  currency: string;
}

export type Outcome =
  | { state: "approved" }
  /** Nothing was taken. */
  | { state: "declined"; reason: string }
  /** The gateway has not decided yet. */
  | { state: "pending" }
  | { state: "unknown" };

export interface Gateway {
  /** Seconds for an answer. */
  timeout: number;
  /** Errors: PassingError when what became of the payment can't be told. */
  charge(payment: Payment, card: Card): Promise<Outcome>;
  /** Errors: as for `charge`. */
  lookUp(reference: string, signal: AbortSignal): Promise<Outcome>;
}

/** Errors: ApiError "not configured". */
export function gatewayOf({ paymenturl, paymentkey, paymenttimeout }: Settings): Gateway {
  const base = addressOf(paymenturl);
  if (paymentkey === "") throw unset("paymentkey, the key that the payment gateway gave you");
  const headers = { authorization: `Bearer ${paymentkey}`, accept: "application/json" };
  return {
    timeout: paymenttimeout,
    async charge(payment, card) {
      const answer = await ask(base, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json", "idempotency-key": payment.reference },
        body: JSON.stringify({ ...payment, card }),
        signal: AbortSignal.timeout(paymenttimeout * 1_000),
      });
      return outcomeOf(answer) ?? (REFUSALS.has(answer.status) ? REFUSED : strange(answer));
    },
    async lookUp(reference, signal) {
      const answer = await ask(`${base}/${encodeURIComponent(reference)}`, { headers, signal });
      return answer.status === 404 ? { state: "unknown" } : (outcomeOf(answer) ?? strange(answer));
    },
  };
}

interface GatewayAnswer {
  status: number;
  body: unknown;
}

/** Statuses by which a gateway says that it took nothing and will not. */
const REFUSALS = new Set([400, 401, 403, 404, 405, 422]);
const REFUSED: Outcome = { state: "declined", reason: "the payment gateway does not accept the request" };

/** Not followed to another address, which would be given the card. Errors: PassingError. */
async function ask(url: string, request: RequestInit): Promise<GatewayAnswer> {
  try {
    const response = await fetch(url, { ...request, redirect: "error" });
    return { status: response.status, body: await response.json().catch(() => undefined) };
  } catch {
    // The cause is not kept: nothing of a request that carries a card may reach the log.
    throw new PassingError("the payment gateway does not answer");
  }
}

/** undefined for an answer that says nothing of the payment. */
function outcomeOf({ status, body }: GatewayAnswer): Outcome | undefined {
  if (typeof body !== "object" || body === null || (status !== 402 && (status < 200 || status > 299))) return undefined;
  const { status: state, reason } = body as { status?: unknown; reason?: unknown };
  if (state === "approved" || state === "pending") return { state };
  return state === "declined" ? { state, reason: printable(reason) } : undefined;
}

function strange({ status }: GatewayAnswer): never {
  throw new PassingError(`the payment gateway answers with HTTP status ${status} and nothing that is understood`);
}

/** A reason in one line, without digits in a row that could be a card's. */
const printable = (reason: unknown): string =>
  typeof reason === "string"
    ? reason
        .replace(/\d[\d -]{6,}\d/g, "***")
        .replace(/[^\p{L}\p{N}\p{P} ]/gu, " ")
        .slice(0, 100)
    : "no reason given";

const unset = (what: string) => new ApiError("not configured", `card payments are not set up: set ${what}`);

const HERE = new Set(["localhost", "127.0.0.1", "[::1]"]);

function addressOf(text: string): string {
  if (text === "") throw unset("paymenturl and paymentkey, the address and the key of the payment gateway");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && !(url.protocol === "http:" && HERE.has(url.hostname))))
    throw unset("paymenturl to an address that begins with https://");
  return text.replace(/\/+$/, "");
}
