/** What kind of account somebody is. */
import type { CallerKind, Row } from "../request.js";

const SUPPORT = 14;
const ADMIN = 15;
const RESELLER = 7;
const OWNER = 8;
const ADMIN_RIGHTS = 50;
const SERVER_ADMIN_RIGHTS = 60;

export const ADMINS: readonly CallerKind[] = ["admin", "server-admin"];

export const isAdmin = (kind: CallerKind): boolean => ADMINS.includes(kind);

/** Those who may use the console, and who need neither credit nor a phone. */
export const isStaff = (kind: CallerKind): boolean => kind === "support" || isAdmin(kind);

/** By `type` and `rights` of the row. */
export function kindOf(row: Row): CallerKind {
  switch (Number(row["type"])) {
    case ADMIN:
      return Number(row["rights"]) === SERVER_ADMIN_RIGHTS ? "server-admin" : "admin";
    case SUPPORT:
      return "support";
    case RESELLER:
    case OWNER:
      return "reseller";
    default:
      return "user";
  }
}

/** Accounts that may do harm: they never get in by a name, an address or a PIN alone. */
export const isPrivileged = (row: Row): boolean =>
  [SUPPORT, ADMIN].includes(Number(row["type"])) || Number(row["rights"]) >= ADMIN_RIGHTS;
