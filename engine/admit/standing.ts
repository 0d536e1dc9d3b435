/** Whether the user for whom an entry runs has credit, and a phone that is registered. */
import { parseAmount } from "../database/amount.js";
import { fromDatetime } from "../datetime.js";
import { ApiError } from "../errors.js";
import type { Cell } from "../request.js";
import { isStaff } from "./kind.js";
import type { Visit } from "./visit.js";

type Fields = Readonly<Record<string, Cell>>;

const MINUTE = 60_000;

/** `req_user_credit`; administrators need none for themselves. Errors: ApiError "no credit". */
export function checkCredit({ plan, entry, caller }: Visit): void {
  if (plan.credit === null || isStaff(caller.kind)) return;
  const credit = parseAmount(String(caller.fields["credit"] ?? "")) ?? 0n;
  if (caller.id === 0 || credit < plan.credit)
    throw new ApiError(
      "no credit",
      `${entry.name} needs a credit of at least ${entry.access.credit === "minimum" ? "the minimum" : entry.access.credit}`,
    );
}

/** `req_user_register`. Errors: ApiError "access denied". */
export function checkRegistration({ plan, entry, caller, policy, place, now }: Visit): void {
  if (plan.register === 0 || isStaff(caller.kind)) return;
  if (!isRegistered(caller.fields, policy.settings.userofflinemin, now))
    throw new ApiError("access denied", `${entry.name} needs a phone that is registered now`);
  if (plan.register === 2 && (place.forgeable || String(caller.fields["regip"] ?? "") !== place.address))
    throw new ApiError("access denied", `${entry.name} works only from the address where the phone is registered`);
}

/** A status above 0 that is not older than the minutes after which a phone is offline. */
export function isRegistered(fields: Fields, offlineMinutes: number, now: number): boolean {
  if (!(Number(fields["status"] ?? 0) > 0)) return false;
  return fromDatetime(String(fields["statusdate"] ?? "")) > now - offlineMinutes * MINUTE;
}
