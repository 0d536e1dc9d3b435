/** What an account asks for, and what a request shows of it. */
import type { Passwords } from "../contracts.js";
import { cellText } from "../database/cells.js";
import type { Row } from "../request.js";
import { matchDigest } from "./digest.js";
import { isPrivileged } from "./kind.js";
import type { Way } from "./plan.js";
import type { Credentials } from "./visit.js";

/** `none` nothing but a name was sent; `nonce` a digest that covers the nonce; `clear` the password itself. */
export type Proof = "none" | "wrong" | "pin" | "clear" | "digest" | "nonce";

export interface Need {
  readonly password: boolean;
  /** The socket's address must be one of the account's. */
  readonly address: boolean;
}

const NAME: Need = { password: false, address: false };
const ADDRESS: Need = { password: false, address: true };
const PASSWORD: Need = { password: true, address: false };
const BOTH: Need = { password: true, address: true };
/** By `needauth`; technical prefixes and ports belong to calls, so that only the address of theirs is asked for. */
const NEEDS: readonly Need[] = [NAME, ADDRESS, ADDRESS, ADDRESS, PASSWORD, NAME, ADDRESS, ADDRESS, BOTH, ADDRESS, BOTH];

/** What the account asks for where an entry is used that way. */
export function needOf(row: Row, way: Way): Need {
  const own = NEEDS[Number(row["needauth"] ?? 4)] ?? PASSWORD;
  if (way.passwordAlways || isPrivileged(row)) return { password: true, address: own.address };
  return way.alone ? NAME : own;
}

/** What was sent, held against the account. `nonce` is the whole nonce where one was sent. All that is sent must be right. */
export function proofOf(
  row: Row,
  sent: Credentials,
  way: Way,
  about: { nonce: string; serverSalt: string; passwords: Passwords },
): Proof {
  const { nonce, serverSalt, passwords } = about;
  let proof: Proof = "none";
  if (sent.digest !== "") {
    const account = { username: cellText(row["username"]), password: passwords.open(cellText(row["password"])) ?? "" };
    const { digest, id: name, salt1, salt2 } = sent;
    const match = matchDigest({ digest, name, salt1, salt2, nonce }, account, serverSalt, way.replayable);
    if (match === undefined) return "wrong";
    proof = match === "nonce" ? "nonce" : "digest";
  }
  if (sent.password === "") return proof;
  if (passwords.matches(cellText(row["password"]), sent.password)) return proof === "none" ? "clear" : proof;
  const pinFits = way.otherNames && !isPrivileged(row) && passwords.matches(cellText(row["pin"]), sent.password);
  if (!pinFits) return "wrong";
  return proof === "none" ? "pin" : proof;
}
