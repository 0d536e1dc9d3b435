/** `idempotencykey`: a request that is repeated by the same caller with the same key is carried out once. */
import type { Passwords, Services } from "../contracts.js";
import { cellText } from "../database/cells.js";
import { DatabaseError, type Session, type Statement } from "../database/database.js";
import { ApiError } from "../errors.js";
import type { Entry, RunScope } from "../registry/entry.js";
import type { Answer, Caller } from "../request.js";

interface Repeatable {
  entry: Entry;
  caller: Caller;
  scope: RunScope;
  services: Pick<Services, "passwords">;
}

/**
 * Runs `work` inside the transaction of `session`, or gives the answer that the first request with the same key got.
 * A failed request leaves nothing behind, so that it can be sent again with its key.
 * Errors: ApiError "conflict" when the key was used for another request.
 */
export async function once(
  session: Session,
  { entry, caller, scope, services: { passwords } }: Repeatable,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const key = scope.params["idempotencykey"];
  if (key === undefined || key === null || key === "") return work();
  const owner = caller.actingFor?.id ?? caller.id;
  const fingerprint = fingerprintOf(entry, caller, scope, passwords);
  if (!(await claim(session, [owner, entry.name, key, fingerprint]))) {
    const kept = await keptOfFirst(session, owner, key, fingerprint);
    const text = kept === undefined ? undefined : passwords.open(kept);
    if (text === undefined)
      throw new ApiError("conflict", "this idempotencykey was used for another request; choose a new one");
    return JSON.parse(text) as Answer;
  }
  const answer = await work();
  await session.run(keptAnswer(owner, key, answer, passwords));
  return answer;
}

/** Keeps a later answer in place of the one that `once` has kept, where the request has a key. */
export async function keepAnswer(session: Session, of: Repeatable, answer: Answer): Promise<void> {
  const { caller, scope, services } = of;
  const key = scope.params["idempotencykey"];
  if (key) await session.run(keptAnswer(caller.actingFor?.id ?? caller.id, key, answer, services.passwords));
}

/** Sealed, since an answer may tell a password that was made. */
const keptAnswer = (owner: number, key: string | number, answer: Answer, passwords: Passwords): Statement => ({
  text: "update tb_idempotency set answer = ? where userid = ? and idempotencykey = ?",
  values: [passwords.seal(JSON.stringify(answer)), owner, key],
});

/** The unique key of the table decides between requests at the same time: the second waits for the first's end. */
async function claim(session: Session, values: (string | number)[]): Promise<boolean> {
  try {
    await session.run({
      text: "insert into tb_idempotency (userid, entry, idempotencykey, fingerprint) values (?, ?, ?, ?)",
      values,
    });
    return true;
  } catch (cause) {
    if (cause instanceof DatabaseError && cause.kind === "duplicate") return false;
    throw cause;
  }
}

/** The first request's answer, sealed; undefined where that was another request. */
async function keptOfFirst(
  session: Session,
  owner: number,
  key: string | number,
  fingerprint: string,
): Promise<string | undefined> {
  const { rows } = await session.run({
    text: "select fingerprint, answer from tb_idempotency where userid = ? and idempotencykey = ?",
    values: [owner, key],
  });
  const [first] = rows;
  return first?.["fingerprint"] === fingerprint ? cellText(first["answer"]) : undefined;
}

/** What makes a request another one, as a digest, since there may be a PIN in it. The key is part of it: databases hold some keys that differ, by their case for one, for the same. */
function fingerprintOf(entry: Entry, caller: Caller, { params }: RunScope, passwords: Passwords): string {
  // A new password is sealed anew by each request.
  const sealed = new Set(entry.params.filter(({ type }) => type === "newpassword").map(({ name }) => name));
  const named = Object.entries(params)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, sealed.has(name) ? passwords.open(cellText(value)) : value] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return passwords.pinHash(JSON.stringify([entry.name, caller.id, named]));
}
