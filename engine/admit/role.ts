/** Which kinds of accounts an entry is for. */
import { ApiError } from "../errors.js";
import type { CallerKind } from "../request.js";
import { ADMINS } from "./kind.js";
import { isRegistered } from "./standing.js";
import type { Visit } from "./visit.js";

interface Level {
  kinds: readonly CallerKind[];
  needs: string;
}

const LEVELS: Readonly<Record<number, Level>> = {
  2: { kinds: [], needs: "is switched off for everybody" },
  4: { kinds: ["server-admin"], needs: "needs a server administrator" },
  6: { kinds: ADMINS, needs: "needs an administrator" },
  8: { kinds: ["reseller", ...ADMINS], needs: "needs an owner, a reseller or an administrator" },
  10: { kinds: ["support", ...ADMINS], needs: "needs the support or an administrator" },
  11: { kinds: ADMINS, needs: "needs a user whose phone is registered now" },
  12: { kinds: ["user", "reseller", "support", ...ADMINS], needs: "needs a login" },
};

/** `req_user`, and entries of the console. Errors: ApiError "access denied" that tells which kind of account is needed. */
export function checkRole({ entry, person, request, policy, now }: Visit): void {
  if (entry.access.console && request.peer.transport !== "console")
    throw new ApiError("access denied", `${entry.name} works on the console only`);
  const level = LEVELS[entry.access.user];
  if (level === undefined || level.kinds.includes(person.kind)) return;
  if (entry.access.user === 11 && isRegistered(person.fields, policy.settings.userofflinemin, now)) return;
  throw new ApiError("access denied", `${entry.name} ${level.needs}`);
}
