/** What the checks of one request know and find out. */
import type { Entry } from "../registry/entry.js";
import type { ApiRequest, Caller, Peer } from "../request.js";
import type { Place } from "./address.js";
import type { Plan } from "./plan.js";
import type { Policy } from "./policy.js";

/** The parameters that say who calls; empty where they weren't sent. */
export interface Credentials {
  readonly id: string;
  readonly password: string;
  readonly digest: string;
  readonly salt1: string;
  readonly salt2: string;
  readonly nonce: string;
}

/** One request on its way through the checks. */
export interface Visit {
  readonly request: ApiRequest;
  readonly entry: Entry;
  readonly policy: Policy;
  readonly plan: Plan;
  readonly place: Place;
  /** The address is trusted, or the console's login counts as much. */
  readonly trusted: boolean;
  /** The address is trusted, if only for this command of the old interface. */
  readonly trustedPlace: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly sent: Credentials;
  /** Set by the check of the key: a key is set, and this request has it. */
  hasKey: boolean;
  /** Who signed in; a public caller until then. */
  person: Caller;
  /** For whom the entry runs: the person, or the user for whom the person acts. */
  caller: Caller;
}

/** One look at a visit. Errors: ApiError that ends it. */
export type Check = (visit: Visit) => void | Promise<void>;

export const NOBODY: Caller = Object.freeze({ id: 0, username: "", kind: "public", fields: Object.freeze({}) });

/** Who runs the command line owns the machine; the console's login counts as the settings say. */
export const isTrustedTransport = ({ transport }: Peer, { settings }: Policy): boolean =>
  transport === "local" || (transport === "console" && settings.apitrustfromconsole !== "0");

export function makeVisit(request: ApiRequest, entry: Entry, policy: Policy, now: number): Visit {
  const { params, peer } = request;
  const text = (name: string): string => params.get(name) ?? "";
  const place = policy.places.of(peer);
  const trustedPlace = place.trusted || (request.old?.trusted === true && place.allowedOld);
  return {
    request,
    entry,
    policy,
    plan: policy.planOf(entry),
    place,
    trusted: trustedPlace || isTrustedTransport(peer, policy),
    trustedPlace,
    now,
    sent: {
      id: text("authid"),
      password: text("authpwd"),
      digest: text("authmd5"),
      salt1: text("authsalt1"),
      salt2: text("authsalt2"),
      nonce: text("nonce"),
    },
    hasKey: false,
    person: NOBODY,
    caller: NOBODY,
  };
}
