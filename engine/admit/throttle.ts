/** Limits of use: requests a minute (each server's own), and failures (shared by all servers). */
import { hash } from "node:crypto";
import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";
import { ApiError } from "../errors.js";
import type { Log } from "../log.js";
import type { Entry } from "../registry/entry.js";
import type { Caller } from "../request.js";
import type { Background } from "./background.js";
import type { BanList } from "./bans.js";
import type { CounterRule, Counters } from "./counters.js";
import { isAdmin } from "./kind.js";
import type { Visit } from "./visit.js";

const MINUTE = 60;
const TEN_MINUTES = 600;
const HOUR = 3_600;
/** An account is closed for all addresses after so many times the wrong logins that close it for one. */
const ALL_ADDRESSES = 5;

/** What of a visit the counting needs. */
export type Counted = Pick<Visit, "place" | "policy" | "now">;

export class Throttle {
  readonly #counters: Counters;
  readonly #bans: BanList;
  readonly #background: Background;
  readonly #log: Log;
  readonly #addresses = perMinute();
  readonly #accounts = perMinute();
  readonly #entries = perMinute();

  constructor(parts: { counters: Counters; bans: BanList; background: Background; log: Log }) {
    this.#counters = parts.counters;
    this.#bans = parts.bans;
    this.#background = parts.background;
    this.#log = parts.log;
  }

  /** `limitaddress`. Errors, as of all checks here: ApiError "too many requests". */
  readonly addressRate = ({ place, policy }: Counted): Promise<void> | undefined =>
    take(this.#addresses, place.group, policy.settings.limitaddress);

  /** `limitentry`. */
  readonly entryRate = ({ entry, policy }: Visit): Promise<void> | undefined =>
    take(this.#entries, entry.name, policy.settings.limitentry);

  /** `limitaccount`, of the person who signed in. */
  readonly accountRate = ({ person, policy }: Visit): Promise<void> | undefined =>
    person.id === 0 ? undefined : take(this.#accounts, person.id, policy.settings.limitaccount);

  /** `limitsignup`: each request counts; loopback is exempt. */
  readonly signups = ({ entry, place, policy, now }: Visit): void => {
    if (entry.access.limit !== "signup" || place.loopback) return;
    const name = `signup:${place.group}`;
    const limit = policy.settings.limitsignup;
    refuseFor(this.#counters.closedFor(name, limit, now));
    this.#counters.count(name, { limit, window: HOUR }, now);
  };

  /** `limitmail`, `limitsms`, `limitcall`: each request of an account counts; administrators send as much as they like. */
  readonly sendings = ({ entry, person, policy, now }: Visit): void => {
    const rule = sendingRule(entry.access.limit, policy);
    if (rule === undefined || person.id === 0 || isAdmin(person.kind)) return;
    const name = `${entry.access.limit}:${person.id}`;
    refuseFor(this.#counters.closedFor(name, rule.limit, now));
    this.#counters.count(name, rule, now);
  };

  /** Entries whose failures count are closed to who failed too often. */
  readonly attempts = ({ entry, person, place, policy, now }: Visit): void => {
    const rule = attemptRule(entry.access.limit, policy);
    if (rule !== undefined)
      refuseFor(this.#counters.closedFor(attemptName(entry, person, place.group), rule.limit, now));
  };

  /** Counts a failed answer of such an entry. */
  failedAttempt(entry: Entry, caller: Caller | undefined, { place, policy, now }: Counted): void {
    const rule = attemptRule(entry.access.limit, policy);
    if (rule !== undefined) this.#counters.count(attemptName(entry, caller, place.group), rule, now);
  }

  /** Called before a password is looked at. `account` is what {@link accountName} gives. */
  guard(account: string, { place, policy, now }: Counted): void {
    const { limit } = loginRule(policy);
    refuseFor(this.#counters.closedFor(pairName(account, place.group), limit, now));
    refuseFor(this.#counters.closedFor(`login:${account}`, limit * ALL_ADDRESSES, now));
  }

  /** True while too many from there named nobody: then no PIN is looked up for that address. */
  isGuessing({ place, policy, now }: Counted): boolean {
    return this.#counters.closedFor(pairName("nobody", place.group), loginRule(policy).limit, now) > 0;
  }

  /** Counts a login with a name or PIN that nobody has. */
  namedNobody({ place, policy, now }: Counted): void {
    this.#counters.count(pairName("nobody", place.group), loginRule(policy), now);
  }

  /** Counts a wrong login against the accounts that it may have meant. */
  wrongLogin(accounts: readonly string[], counted: Counted): void {
    const { place, policy, now } = counted;
    const rule = loginRule(policy);
    for (const account of accounts) {
      this.#counters.count(pairName(account, place.group), rule, now);
      this.#counters.count(`login:${account}`, { ...rule, limit: rule.limit * ALL_ADDRESSES }, now);
    }
    this.wrongFrom(counted);
  }

  /** Counts a wrong key or login against the address. Datagrams don't count, or anybody could have another one banned. */
  wrongFrom({ place, policy, now }: Counted): void {
    const { banafter, bantime } = policy.settings;
    if (banafter === 0 || place.loopback || place.forgeable) return;
    const points = this.#counters.count(`address:${place.group}`, { limit: banafter, window: TEN_MINUTES }, now);
    if (points % banafter !== 0) return;
    this.#log.warn(
      { event: "ban", address: place.group, seconds: bantime },
      "an address is banned after too many wrong logins",
    );
    this.#background.run("store a ban", () => this.#bans.ban(place, bantime, "too many wrong logins"));
  }
}

/** The name under which the wrong logins of an account count; for an unknown one what was sent stands in, so that nothing tells the two apart. */
export const accountName = (id: number | undefined, sent: string): string =>
  id === undefined ? hash("sha256", sent.toLowerCase(), "base64").slice(0, 22) : String(id);

const pairName = (account: string, group: string): string => `login:${account}@${group}`;

const attemptName = (entry: Entry, who: Caller | undefined, group: string): string => {
  const id = who?.actingFor?.id ?? who?.id ?? 0;
  return `${entry.access.limit} entry:${id === 0 ? `@${group}` : id}`;
};

const loginRule = ({ settings }: Visit["policy"]): CounterRule => ({
  limit: settings.limitlogin,
  window: TEN_MINUTES,
  pause: settings.limitpause,
});

/** undefined for entries whose failures don't count. */
function attemptRule(limit: Entry["access"]["limit"], policy: Visit["policy"]): CounterRule | undefined {
  const rule = loginRule(policy);
  if (limit === "pin") return { ...rule, limit: policy.settings.limitpin };
  if (limit === "reset") return { ...rule, limit: policy.settings.limitreset };
  return limit === "login" ? rule : undefined;
}

/** undefined for entries that send nothing. */
function sendingRule(limit: Entry["access"]["limit"], { settings }: Visit["policy"]): CounterRule | undefined {
  switch (limit) {
    case "mail":
      return { limit: settings.limitmail, window: HOUR };
    case "sms":
      return { limit: settings.limitsms, window: MINUTE };
    case "call":
      return { limit: settings.limitcall, window: MINUTE };
    default:
      return undefined;
  }
}

const perMinute = () => new RateLimiterMemory({ points: 1, duration: MINUTE, keyPrefix: "" });

/** undefined at once where there is no limit. */
function take(limiter: RateLimiterMemory, key: string | number, limit: number): Promise<void> | undefined {
  if (limit === 0) return undefined;
  limiter.points = limit;
  return limiter.consume(key).then(allowed, refused);
}
const allowed = (): void => {};
const refused = (state: RateLimiterRes): never => {
  throw tooMany(Math.ceil(state.msBeforeNext / 1_000));
};

function refuseFor(seconds: number): void {
  if (seconds > 0) throw tooMany(seconds);
}
const tooMany = (seconds: number) => new ApiError("too many requests", `try again in ${Math.max(1, seconds)} seconds`);
