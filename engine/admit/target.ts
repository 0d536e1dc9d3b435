/** `targetuser`: an administrator acts for any user, a reseller for the own ones. */
import type { Database } from "../database/database.js";
import { ApiError } from "../errors.js";
import type { Row } from "../request.js";
import { callerOf, isOpen } from "./account.js";
import { isAdmin, isPrivileged } from "./kind.js";
import type { Check, Visit } from "./visit.js";

/** Errors: ApiError "access denied" or "not found". */
export const makeTargetCheck =
  (database: Database): Check =>
  (visit) => {
    const { person, request } = visit;
    visit.caller = person;
    const name = request.params.get("targetuser") ?? "";
    if (name === "" || name.toLowerCase() === person.username.toLowerCase()) return undefined;
    if (!isAdmin(person.kind) && person.kind !== "reseller")
      throw new ApiError(
        "access denied",
        "targetuser is for administrators, and for resellers with users of their own",
      );
    return actFor(name, visit, database);
  };

async function actFor(name: string, visit: Visit, database: Database): Promise<void> {
  const { person } = visit;
  const row = await find(name, visit, database);
  if (row === undefined || (person.kind === "reseller" && !isOwn(row, person.id)))
    throw new ApiError("not found", "no user of that name; targetuser tells for whom to act");
  if (isPrivileged(row) && person.kind !== "server-admin")
    throw new ApiError("access denied", "only a server administrator acts for another administrator");
  visit.caller = { ...callerOf(row), actingFor: { id: person.id, username: person.username } };
}

const isOwn = (row: Row, reseller: number): boolean => Number(row["parentid"]) === reseller && isOpen(row);

async function find(name: string, { plan }: Visit, database: Database): Promise<Row | undefined> {
  const [named] = await database.lookUp({ text: plan.byName, values: [name] });
  if (named !== undefined || !/^\d{1,15}$/.test(name)) return named;
  return (await database.lookUp({ text: plan.byId, values: [Number(name)] }))[0];
}
