/** Who owns the files of the public storage, and how much of it each user takes. */
import { isAdmin } from "../admit/kind.js";
import type { Database, Session } from "../database/database.js";
import { lockAccount } from "../database/lock-account.js";
import { ApiError } from "../errors.js";
import type { Caller, Row } from "../request.js";

export interface Claim {
  name: string;
  /** Bytes. */
  size: number;
  caller: Caller;
  /** Most bytes of one user. */
  quota: number;
  /** Whether a file of that name is there: one that nobody owns was put there by the server's owner. */
  isThere: boolean;
}

/**
 * Books a file for the caller; an administrator replaces files of others, which stay theirs. Gives the row before, for
 * `restore`. Errors: ApiError "conflict" where the name is somebody else's, "failed" where the quota is used up.
 */
export const claim = (database: Database, wanted: Claim): Promise<Row | undefined> =>
  database.transaction(async (session) => {
    const before = await rowOf(session, wanted.name);
    const owner = ownerOf(before, wanted);
    await remove(session, wanted.name);
    if (!isAdmin(wanted.caller.kind)) await checkRoom(session, wanted, owner);
    await session.run({
      text: "insert into tb_files (name, userid, size) values (?, ?, ?)",
      values: [wanted.name, owner, wanted.size],
    });
    return before;
  });

/** Takes a claim back whose file could not be written. */
export const restore = (database: Database, name: string, before: Row | undefined): Promise<void> =>
  database.transaction(async (session) => {
    await remove(session, name);
    if (before === undefined) return;
    const { userid, size, datum } = before as { userid: number; size: number; datum: string };
    await session.run({
      text: "insert into tb_files (name, userid, size, datum) values (?, ?, ?, ?)",
      values: [name, userid, size, datum],
    });
  });

async function rowOf(session: Session, name: string): Promise<Row | undefined> {
  const text = "select name, userid, size, datum from tb_files where name = ?";
  return (await session.run({ text, values: [name] })).rows[0];
}

async function remove(session: Session, name: string): Promise<void> {
  await session.run({ text: "delete from tb_files where name = ?", values: [name] });
}

function ownerOf(row: Row | undefined, { name, caller, isThere }: Claim): number {
  const mayReplace = isAdmin(caller.kind);
  if (row === undefined && (!isThere || mayReplace)) return caller.id;
  if (row !== undefined && row["name"] !== name)
    throw new ApiError("conflict", "a file whose name differs only in its capitals is there; choose another name");
  const owner = Number(row?.["userid"] ?? 0);
  if (mayReplace || (row !== undefined && owner === caller.id)) return owner;
  throw new ApiError("conflict", "this file belongs to somebody else; choose another name");
}

/** The owner's row is locked first, so that two files at the same time don't both fit into what is left. */
async function checkRoom(session: Session, { size, quota }: Claim, owner: number): Promise<void> {
  await lockAccount(session, owner);
  const text = "select coalesce(sum(size), 0) as used from tb_files where userid = ?";
  const used = Number((await session.run({ text, values: [owner] })).rows[0]?.["used"]);
  if (used + size > quota)
    throw new ApiError("failed", `the files of one user may take ${quota} bytes at most (filestoragequota)`);
}
