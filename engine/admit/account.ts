/** Who signs in: the account that a request names, held against what the request shows of it. */
import type { Passwords } from "../contracts.js";
import type { BoundValue, Database } from "../database/database.js";
import type { Log } from "../log.js";
import type { Caller, Row } from "../request.js";
import { contains, readAddressTexts } from "./address-list.js";
import type { Background } from "./background.js";
import { type FoundNonce, type NonceBook, needsNonce, wrongLogin } from "./login.js";
import { MOST_NAMESAKES } from "./plan.js";
import { needOf, type Proof, proofOf, textOf } from "./proof.js";
import { isAdmin, kindOf } from "./role.js";
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
  async (visit) => {
    const { sent, entry } = visit;
    if (sent.id === "" && sent.password === "" && sent.digest === "") {
      visit.person = await withoutLogin(visit, parts.database);
      return;
    }
    const signedIn = await signIn(visit, parts);
    if (signedIn === undefined && entry.access.user === 14 && sent.password === "" && sent.digest === "") return;
    if (signedIn === undefined) throw refusal(visit, [], parts);
    visit.person = signedIn;
  };

/** The console's user, the owner at the command line, a trusted address with the key, or nobody. */
async function withoutLogin(visit: Visit, database: Database): Promise<Caller> {
  const { request, entry, policy, plan, hasKey, place } = visit;
  const { transport, consoleUser } = request.peer;
  if (transport === "local") return { id: 0, username: "command line", kind: "server-admin", fields: {} };
  if (consoleUser !== undefined) {
    const { rows } = await database.run({ text: plan.byName, values: [consoleUser] });
    if (rows[0] === undefined || !isOpen(rows[0])) throw wrongLogin();
    const user = callerOf(rows[0]);
    return policy.settings.apitrustfromconsole === "2" ? { ...user, kind: "server-admin" } : user;
  }
  const forAdmins = entry.access.user <= 10 || request.params.has("targetuser");
  const addressIsEnough = ["1", "2"].includes(policy.settings.apideftrustadmin);
  if (forAdmins && addressIsEnough && hasKey && place.trusted)
    return { id: 0, username: "trusted", kind: "admin", fields: {} };
  if (entry.access.user === 14) return NOBODY;
  throw wrongLogin();
}

/** The caller; undefined where only a name was sent and that is not enough. */
async function signIn(visit: Visit, parts: AccountParts): Promise<Caller | undefined> {
  const { plan, sent } = visit;
  const name = sent.id !== "" || !plan.way.alone ? sent.id : sent.password;
  const rows = await find(name, visit, parts);
  const accounts =
    rows.length === 0 ? [accountName(undefined, name)] : rows.map((row) => accountName(Number(row["id"]), name));
  for (const account of accounts) parts.throttle.guard(account, visit);
  const byPinAlone = sent.id === "";
  const fitting: Candidate[] = [];
  for (const row of rows.length === 0 ? [STRANGER] : rows) {
    const nonce = sent.nonce === "" ? undefined : await parts.nonces.find(sent.nonce, Number(row["id"]));
    const proof = byPinAlone ? "none" : proofOf(row, sent, plan.way, aboutOf(visit, nonce, parts));
    if (row === STRANGER || proof === "wrong" || !isOpen(row)) continue;
    const need = needOf(row, plan.way);
    if (need.password && proof === "none") continue;
    if (need.address && !(await comesFromOwnAddress(row, visit, parts.database))) continue;
    fitting.push({ row, proof, nonce });
  }
  const [only] = fitting;
  if (only === undefined || (fitting.length > 1 && only.proof === "none")) {
    if (sent.password === "" && sent.digest === "" && visit.entry.access.user === 14) return undefined;
    if (rows.length === 0) parts.throttle.namedNobody(visit);
    throw refusal(visit, accounts, parts);
  }
  if (needsNonce(visit)) await parts.nonces.demand(visit, Number(only.row["id"]), only.proof, only.nonce);
  sealWhenClear(only.row, parts);
  return demoted(callerOf(only.row), visit);
}

async function find(name: string, { plan }: Visit, { database, passwords }: AccountParts): Promise<Row[]> {
  if (name === "") return [];
  const { rows } = await database.run({ text: plan.byName, values: [name] });
  if (rows.length > 0 || !plan.way.otherNames) return rows;
  const id: BoundValue = /^\d{1,15}$/.test(name) ? Number(name) : null;
  const others = await database.run({ text: plan.byOther, values: [id, name, name, name, passwords.pinHash(name)] });
  return others.rows.length > MOST_NAMESAKES ? [] : others.rows;
}

const aboutOf = (visit: Visit, nonce: FoundNonce | undefined, { passwords }: AccountParts) => ({
  nonce: nonce?.nonce ?? visit.sent.nonce,
  serverSalt: visit.policy.settings.apiv2md5salt,
  passwords,
});

const isOpen = (row: Row): boolean => Number(row["enabled"]) === 1 && Number(row["temporarydisabled"]) !== 1;

/** `needauth` of addresses: those of the account itself and of `tb_users_authip`, as addresses, networks or ranges. */
async function comesFromOwnAddress(row: Row, { place, request }: Visit, database: Database): Promise<boolean> {
  if (place.parsed === undefined || place.forgeable || request.peer.forwarded) return false;
  const id = Number(row["id"]);
  const { rows } = await database.run({
    text: "select ip, authip from tb_users where id = ? union all select ip, '' as authip from tb_users_authip where userid = ?",
    values: [id, id],
  });
  const texts = rows.flatMap((own) => [textOf(own["ip"]), textOf(own["authip"])]);
  return contains(readAddressTexts(texts), place.parsed);
}

/** `apideftrustadmin` 2 and 4: away from a trusted address an administrator is a user like others. */
function demoted(caller: Caller, { policy, trusted }: Visit): Caller {
  const needsAddress = ["2", "4"].includes(policy.settings.apideftrustadmin);
  return needsAddress && !trusted && isAdmin(caller.kind) ? { ...caller, kind: "user" } : caller;
}

/** The caller of a row, without its secrets. */
export function callerOf(row: Row): Caller {
  const { password: _password, pin: _pin, pinhash: _hash, ...fields } = row;
  return { id: Number(row["id"]), username: textOf(row["username"]), kind: kindOf(row), fields };
}

function refusal(visit: Visit, accounts: readonly string[], { throttle, log }: AccountParts) {
  throttle.wrongLogin(accounts, visit);
  log.warn(
    {
      event: "wrong login",
      address: visit.place.address,
      account: visit.sent.id.slice(0, 64),
      entry: visit.entry.name,
    },
    "a login was refused",
  );
  return wrongLogin();
}

/** Ids of accounts whose password is being sealed. */
const sealing = new Set<number>();

/** A password that another system left in clear is sealed when it has been used. */
function sealWhenClear(row: Row, { passwords, database, background }: AccountParts): void {
  const clear = textOf(row["password"]);
  const id = Number(row["id"]);
  if (clear === "" || passwords.isSealed(clear) || sealing.has(id)) return;
  sealing.add(id);
  const text = "update tb_users set password = ? where id = ? and password = ?";
  background.run("seal a password", () =>
    database.run({ text, values: [passwords.seal(clear), id, clear] }).finally(() => sealing.delete(id)),
  );
}
