/** Who may call: each check in its order, the first refusal ends the request. */
import type { Bans, MemoryList, Nonces, Passwords } from "../contracts.js";
import type { Database } from "../database/database.js";
import type { Log } from "../log.js";
import type { Entry } from "../registry/entry.js";
import type { ApiRequest, Caller, Peer } from "../request.js";
import type { SettingsStore } from "../settings.js";
import { type AccountParts, makeAccountCheck } from "./account.js";
import { checkAddress, checkTrustedOnly } from "./address.js";
import { Background } from "./background.js";
import { BanList } from "./bans.js";
import { makeConsoleLogin } from "./console.js";
import { Counters } from "./counters.js";
import { makeKeyCheck } from "./key.js";
import { NonceBook } from "./login.js";
import { PolicyKeeper } from "./policy.js";
import { checkRole } from "./role.js";
import { checkCredit, checkRegistration } from "./standing.js";
import { makeTargetCheck } from "./target.js";
import { type Counted, Throttle } from "./throttle.js";
import { type Check, isTrustedTransport, makeVisit, type Visit } from "./visit.js";

export interface AdmissionOptions {
  database: Database;
  settings: SettingsStore;
  passwords: Passwords;
  log: Log;
  /** Milliseconds since 1970. */
  now?: () => number;
}

export interface Admission {
  /** The looks at the address alone, for a request that is answered before its caller is known. Errors: ApiError. */
  arrive(peer: Peer): Promise<void>;
  /** Whether the address is trusted by itself. */
  isTrusted(peer: Peer): boolean;
  /** The caller for whom the entry runs. Errors: ApiError. */
  admit(request: ApiRequest, entry: Entry): Caller | Promise<Caller>;
  /** Counts the failed answer of an entry whose failures are limited. */
  failed(request: ApiRequest, entry: Entry, caller: Caller): void;
  readonly nonces: Nonces;
  readonly bans: Bans;
  /** What the checks remember. */
  readonly memory: readonly MemoryList[];
  /** As `remoteadmin` says. */
  consoleAllowed(peer: Peer): boolean;
  consoleLogin(username: string, password: string, peer: Peer): Promise<{ username: string } | undefined>;
  /** Exchanges bans and counters with the other servers of the database. Errors: DatabaseError. */
  refresh(): Promise<void>;
  /** Waits for what is still to be written; never rejects. */
  close(): Promise<void>;
}

const COUNTS_LOST = "the last failures that were counted could not be stored";

/** Rounds of `refresh` between two in which what is over is deleted. */
const PURGE_EVERY = 60;

export function makeAdmission(options: AdmissionOptions): Admission {
  const { database, settings, passwords, log, now = Date.now } = options;
  const counters = new Counters(database);
  const banList = new BanList(database, now);
  const background = new Background(log);
  const throttle = new Throttle({ counters, bans: banList, background, log });
  const nonces = new NonceBook(database, () => settings.current.noncelifetime, now);
  const policies = new PolicyKeeper(settings);
  const checks = checksOf({ database, passwords, throttle, nonces, background, log }, banList);
  const counted = (peer: Peer) => ({ policy: policies.current, place: policies.current.places.of(peer), now: now() });
  const purge = () => Promise.all([counters.purge(now()), banList.purge(), nonces.purge()]);
  let rounds = 0;
  return {
    arrive: (peer) => arrive(peer, counted(peer), { banList, throttle }),
    isTrusted: (peer) => policies.current.places.of(peer).trusted,
    admit: (request, entry) => passed(checks, makeVisit(request, entry, policies.current, now())),
    failed: (request, entry, caller) => throttle.failedAttempt(entry, caller, counted(request.peer)),
    nonces,
    bans: banList,
    memory: [
      { name: "addresses", size: () => policies.current.places.remembered, free: () => policies.renew() },
      { name: "failures counted", size: () => counters.size, free: purge },
    ],
    consoleAllowed: (peer) => policies.current.places.consoleAllowed(peer),
    consoleLogin: makeConsoleLogin({ database, passwords, throttle, log, counted }),
    async refresh() {
      await counters.refresh(now());
      await banList.refresh();
      rounds += 1;
      if (rounds % PURGE_EVERY !== 0) return;
      policies.renew();
      await purge();
    },
    async close() {
      await background.done();
      await counters.refresh(now()).catch((cause: unknown) => log.warn({ event: "refresh", err: cause }, COUNTS_LOST));
    },
  };
}

/** Who came through the checks, from the one at `next` on. */
function passed(checks: readonly Check[], visit: Visit, next = 0): Caller | Promise<Caller> {
  for (let index = next; index < checks.length; index += 1) {
    const waiting = checks[index]?.(visit);
    if (waiting !== undefined) return waiting.then(() => passed(checks, visit, index + 1));
  }
  return visit.caller;
}

async function arrive(
  peer: Peer,
  visit: Counted,
  { banList, throttle }: { banList: BanList; throttle: Throttle },
): Promise<void> {
  banList.check(visit);
  checkTrustedOnly({ ...visit, trusted: visit.place.trusted || isTrustedTransport(peer, visit.policy) });
  await throttle.addressRate(visit);
}

/** In the order in which they are made. */
const checksOf = (parts: AccountParts, banList: BanList): readonly Check[] => [
  banList.check,
  checkAddress,
  parts.throttle.addressRate,
  parts.throttle.entryRate,
  makeKeyCheck(parts.throttle),
  parts.throttle.signups,
  makeAccountCheck(parts),
  parts.throttle.accountRate,
  checkRole,
  makeTargetCheck(parts.database),
  checkCredit,
  checkRegistration,
  parts.throttle.sendings,
  parts.throttle.attempts,
];
