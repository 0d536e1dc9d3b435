import type { Session } from "./database.js";

const LOCK = "update tb_users set credit = credit where id = ?";

/** Locks an account to the end of the transaction, by a change that changes nothing. False where there is none of that id. */
export const lockAccount = async (session: Session, id: number): Promise<boolean> =>
  (await session.run({ text: LOCK, values: [id] })).changed > 0;
