/** Whose phone a number is. */
import { isPrivileged } from "../../engine/admit/kind.js";
import type { Session } from "../../engine/database/database.js";

/**
 * The account that has the number among its pin-less numbers, or else as its phone; undefined for none or several.
 * Accounts with power are never found: a sender's number is easily forged.
 */
export async function accountOfNumber(session: Session, digits: string): Promise<number | undefined> {
  if (!/^\d{3,32}$/.test(digits)) return undefined;
  const written = [digits, `+${digits}`, `00${digits}`];
  const pinless = "select userid as id from tb_pinless where number in (?, ?, ?)";
  const phone = "select id from tb_users where phone in (?, ?, ?)";
  return (await openOne(session, pinless, written)) ?? (await openOne(session, phone, written));
}

async function openOne(session: Session, numbers: string, written: string[]): Promise<number | undefined> {
  const { rows } = await session.run({
    text: `select u.id as id, u.type as type, u.rights as rights from (${numbers}) n join tb_users u on u.id = n.id
      where u.enabled = 1 and u.temporarydisabled = 0`,
    values: written,
  });
  const ids = new Set(rows.filter((row) => !isPrivileged(row)).map((row) => Number(row["id"])));
  const [only] = ids;
  return ids.size === 1 ? only : undefined;
}
