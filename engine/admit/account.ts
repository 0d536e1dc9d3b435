/** Who signs in: the account that a request names, held against what the request shows of it. */
import { allOf, andThen } from "../at-once.js";
import type { Passwords } from "../contracts.js";
import { cellText } from "../database/cells.js";
import type { BoundValue, Database } from "../database/database.js";
import type { Log } from "../log.js";
import { SECRET_FIELDS } from "../registry/scope.js";
import type { Caller, Cell, Row } from "../request.js";
import { contains, readAddressTexts } from "./address-list.js";
import type { Background } from "./background.js";
import { isAdmin, isPrivileged, kindOf } from "./kind.js";
import { type FoundNonce, type NonceBook, needsNonce, wrongLogin } from "./login.js";
import { MOST_NAMESAKES } from "./plan.js";
import { needOf, type Proof, proofOf } from "./proof.js";
import { SEAL_STATEMENTS } from "./seal.js";
import { accountName, type Throttle } from "./throttle.js";
import { type Check, NOBODY, type Visit } from "./visit.js";

export interface AccountParts {
  database: Database;
  passwords: Passwords;
  throttle: Throttle;
  nonces: NonceBook;
  background: Background;
  log: Log;
}

interface Candidate {
  row: Row;
  proof: Proof;
  nonce: FoundNonce | undefined;
}

/** Is held against a login that names nobody, so that it takes as long as another. */
const STRANGER: Row = { id: 0, username: "", password: "x", pin: "", type: 0, rights: 0, needauth: 4 };

/** Errors: ApiError "auth failed", the same whatever was wrong; "too many requests" for a closed account. */
export const makeAccountCheck =
  (parts: AccountParts): Check =>
  (visit) => {
    const { sent } = visit;
    const nothing = sent.id === "" && sent.password === "" && sent.digest === "";
    const person = nothing ? withoutLogin(visit, parts.database) : signIn(visit, parts);
    return andThen(person, (it) => {
      visit.person = it;
    });
  };

/** The console's user, the account whose number sent a message, the owner at the command line, a trusted address with the key, or nobody. */
function withoutLogin(visit: Visit, database: Database): Caller | Promise<Caller> {
  const { request, entry, policy, hasKey, trustedPlace } = visit;
  const { transport, consoleUser, account } = request.peer;
  if (transport === "local")
    return { id: 0, username: consoleUser ?? "command line", kind: "server-admin", fields: {} };
  if (consoleUser !== undefined) return atConsole(consoleUser, visit, database);
  if (account !== undefined) return bySms(account, visit, database);
  if (needsNonce(visit)) throw wrongLogin();
  const forAdmins = entry.access.user <= 10 || (request.params.get("targetuser") ?? "") !== "";
  const addressIsEnough = ["1", "2"].includes(policy.settings.apideftrustadmin);
  // Without a key any web page could send requests from a browser of this machine.
  if (forAdmins && addressIsEnough && hasKey && trustedPlace)
    return { id: 0, username: "trusted", kind: "admin", fields: {} };
  if (entry.access.user === 14) return NOBODY;
  throw wrongLogin();
}

async function atConsole(name: string, { plan, policy }: Visit, database: Database): Promise<Caller> {
  const [row] = await database.lookUp({ text: plan.byName, values: [name] });
  if (row === undefined || !isOpen(row)) throw wrongLogin();
  const user = callerOf(row);
  return policy.settings.apitrustfromconsole === "2" ? { ...user, kind: "server-admin" } : user;
}

/** A sender's number is easily forged, so that nobody with power is known by it. */
async function bySms(account: number, { plan }: Visit, database: Database): Promise<Caller> {
  const [row] = await database.lookUp({ text: plan.byId, values: [account] });
  if (row === undefined || !isOpen(row) || isPrivileged(row)) throw wrongLogin();
  return callerOf(row);
}

function signIn(visit: Visit, parts: AccountParts): Caller | Promise<Caller> {
  const { sent, plan } = visit;
  const named = sent.id === "" ? [] : parts.database.lookUp({ text: plan.byName, values: [sent.id] });
  return andThen(named, (tried) =>
    andThen(fittingOf(tried, visit, parts), (fitting) =>
      // Also after a wrong password of a known name: otherwise the time would tell which names are known.
      fitting.length === 0 && plan.way.otherNames
        ? signInOtherwise(tried, visit, parts)
        : admitted({ tried, fitting }, visit, parts),
    ),
  );
}

async function signInOtherwise(tried: readonly Row[], visit: Visit, parts: AccountParts): Promise<Caller> {
  const others = (await byOtherName(visit, parts)).filter((row) => row["id"] !== tried[0]?.["id"]);
  const fitting = others.length === 0 ? [] : await fittingOf(others, visit, parts);
  return admitted({ tried: [...tried, ...others], fitting }, visit, parts);
}

interface Found {
  /** The accounts that may have been meant. */
  tried: readonly Row[];
  /** Those of them that what was sent lets in. */
  fitting: readonly Candidate[];
}

function admitted({ tried, fitting }: Found, visit: Visit, parts: AccountParts): Caller | Promise<Caller> {
  const { sent } = visit;
  const onlyName = sent.password === "" && sent.digest === "";
  const [only] = fitting;
  if (only === undefined || fitting.length > 1 || (onlyName && tried.length > 1)) return refuse(visit, tried, parts);
  const { row, proof, nonce } = only;
  const demanded = needsNonce(visit) ? parts.nonces.demand(visit, Number(row["id"]), proof, nonce) : undefined;
  return andThen(demanded, () => {
    sealWhenClear(row, "password", parts);
    sealWhenClear(row, "pin", parts);
    return demoted(callerOf(row), visit);
  });
}

/** Those of the accounts that what was sent lets in. Errors: ApiError "too many requests", before a password is looked at. */
function fittingOf(rows: readonly Row[], visit: Visit, parts: AccountParts): Candidate[] | Promise<Candidate[]> {
  const { sent, plan } = visit;
  if (rows.length === 0) {
    parts.throttle.guard(accountName(undefined, sent.id), visit);
    proofOf(STRANGER, sent, plan.way, aboutOf(visit, undefined, parts));
  }
  for (const row of rows) parts.throttle.guard(accountName(Number(row["id"]), sent.id), visit);
  const candidates = allOf(rows.map((row) => candidateOf(row, visit, parts)));
  return andThen(candidates, (found) => found.filter((candidate) => candidate !== undefined));
}

/** undefined for an account that what was sent does not let in. */
function candidateOf(
  row: Row,
  visit: Visit,
  parts: AccountParts,
): Candidate | undefined | Promise<Candidate | undefined> {
  const { sent, plan } = visit;
  const found = sent.nonce === "" ? undefined : parts.nonces.find(sent.nonce, Number(row["id"]));
  return andThen(found, (nonce) => {
    const proof = proofOf(row, sent, plan.way, aboutOf(visit, nonce, parts));
    const need = needOf(row, plan.way);
    if (proof === "wrong" || !isOpen(row) || (need.password && proof === "none")) return undefined;
    const candidate = { row, proof, nonce };
    if (!need.address) return candidate;
    return comesFromOwnAddress(row, visit, parts.database).then((right) => (right ? candidate : undefined));
  });
}

/** By id, name, number or PIN; by a PIN without a name only where that is enough, and not for who guesses. */
async function byOtherName(visit: Visit, { database, passwords, throttle }: AccountParts): Promise<Row[]> {
  const { sent, plan } = visit;
  const name = sent.id === "" ? null : sent.id;
  const pin = plan.way.alone && name === null ? sent.password : sent.id;
  const pinHash = pin === "" || throttle.isGuessing(visit) ? null : passwords.pinHash(pin);
  if (name === null && pinHash === null) return [];
  const id: BoundValue = name !== null && /^\d{1,15}$/.test(name) ? Number(name) : null;
  const rows = await database.lookUp({ text: plan.byOther, values: [id, name, name, name, pinHash] });
  return rows.length > MOST_NAMESAKES ? [] : rows;
}

const aboutOf = (visit: Visit, nonce: FoundNonce | undefined, { passwords }: AccountParts) => ({
  nonce: nonce?.nonce ?? visit.sent.nonce,
  serverSalt: visit.policy.settings.apiv2md5salt,
  passwords,
});

/** Neither deleted nor switched off. */
export const isOpen = (row: Row): boolean => Number(row["enabled"]) === 1 && Number(row["temporarydisabled"]) !== 1;

/** `needauth` of addresses: those of the account itself and of `tb_users_authip`, as addresses, networks or ranges. */
async function comesFromOwnAddress(row: Row, { place, request }: Visit, database: Database): Promise<boolean> {
  if (place.parsed === undefined || place.forgeable || request.peer.forwarded) return false;
  const id = Number(row["id"]);
  const { rows } = await database.run({
    text: "select ip, authip from tb_users where id = ? union all select ip, '' as authip from tb_users_authip where userid = ?",
    values: [id, id],
  });
  const texts = rows.flatMap((own) => [cellText(own["ip"]), cellText(own["authip"])]);
  return contains(readAddressTexts(texts), place.parsed);
}

/** `apideftrustadmin` 2 and 4: away from a trusted address an administrator is a user like others. */
function demoted(caller: Caller, { policy, trusted }: Visit): Caller {
  const needsAddress = ["2", "4"].includes(policy.settings.apideftrustadmin);
  return needsAddress && !trusted && isAdmin(caller.kind) ? { ...caller, kind: "user" } : caller;
}

/** The caller of a row, without its secrets. */
export function callerOf(row: Row): Caller {
  const fields: Row = {};
  for (const name in row) if (!SECRET_FIELDS.has(name)) fields[name] = row[name] as Cell;
  return { id: Number(row["id"]), username: cellText(row["username"]), kind: kindOf(row), fields };
}

/** A lone name that fits nobody may still call a public entry, as nobody. Errors: ApiError "auth failed" otherwise. */
function refuse(visit: Visit, tried: readonly Row[], { throttle, log }: AccountParts): Caller {
  const { sent, entry, place, plan } = visit;
  if (plan.way.alone && tried.length === 0) throttle.namedNobody(visit);
  if (sent.password === "" && sent.digest === "" && entry.access.user === 14 && !needsNonce(visit)) return NOBODY;
  const accounts = tried.map((row) => accountName(Number(row["id"]), sent.id));
  throttle.wrongLogin(accounts.length === 0 ? [accountName(undefined, sent.id)] : accounts, visit);
  log.warn(
    { event: "wrong login", address: place.address, account: sent.id.slice(0, 64), entry: entry.name },
    "a login was refused",
  );
  throw wrongLogin();
}

/** Accounts and columns that are being sealed. */
const sealing = new Set<string>();

/** What another system left in clear is sealed when it has been used, unless it is another meanwhile. */
function sealWhenClear(row: Row, column: "password" | "pin", { passwords, database, background }: AccountParts): void {
  const clear = cellText(row[column]);
  if (clear === "" || passwords.isSealed(clear)) return;
  const id = Number(row["id"]);
  const task = `${column} of account ${id}`;
  if (sealing.has(task)) return;
  sealing.add(task);
  const sealed = passwords.seal(clear);
  const values = column === "pin" ? [sealed, passwords.pinHash(clear), id, clear] : [sealed, id, clear];
  background.run(`seal the ${task}`, () =>
    database.run({ text: SEAL_STATEMENTS[column], values }).finally(() => sealing.delete(task)),
  );
}
