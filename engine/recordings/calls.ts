/** The calls whose recordings somebody asks for, and may have. */
import { isAdmin } from "../admit/kind.js";
import type { BoundValue, Session } from "../database/database.js";
import { DAY, fromDatetime, toDatetime } from "../datetime.js";
import { ApiError } from "../errors.js";
import type { Caller, Cell } from "../request.js";

export interface Call {
  id: number;
  /** UTC, `2026-11-25 15:39:00`. */
  datum: string;
  sipcallid: string;
  callernumber: string;
  callednumber: string;
}

/** Each narrows the calls; what is undefined doesn't. */
export type CallFilter = Readonly<
  Partial<
    Record<"cdrid" | "callid" | "userid" | "parentuserid" | "days" | "fromdt" | "todt" | "caller" | "called", Cell>
  >
>;

interface Condition {
  text: string;
  values: BoundValue[];
}

const OF_PARENT = "in (select id from tb_users where parentid = ?)";

/** The latest first. Errors: ApiError "wrong parameter" for a time that is none. */
export async function findCalls(filter: CallFilter, caller: Caller, most: number, session: Session): Promise<Call[]> {
  const conditions = [...ownOnly(caller), ...whichCalls(filter), ...whose(filter)];
  const { rows } = await session.run({
    text: `select id, datum, sipcallid, callernumber, callednumber from tb_cdrs
      where ${["sipcallid <> ''", ...conditions.map(({ text }) => text)].join(" and ")} order by datum desc, id desc limit ${most}`,
    values: conditions.flatMap(({ values }) => values),
  });
  return rows.map((row) => ({
    id: Number(row["id"]),
    datum: String(row["datum"]),
    sipcallid: String(row["sipcallid"]),
    callernumber: String(row["callernumber"] ?? ""),
    callednumber: String(row["callednumber"] ?? ""),
  }));
}

/** Users have their own calls, resellers those of their users too, administrators all. */
function ownOnly({ kind, id }: Caller): Condition[] {
  if (isAdmin(kind)) return [];
  if (kind !== "reseller") return [{ text: "(callerid = ? or calledid = ?)", values: [id, id] }];
  const text = `(callerid = ? or calledid = ? or callerid ${OF_PARENT} or calledid ${OF_PARENT})`;
  return [{ text, values: [id, id, id, id] }];
}

function whichCalls({ cdrid, callid, days, fromdt, todt }: CallFilter): Condition[] {
  const conditions: Condition[] = [];
  const add = (text: string, value: BoundValue | undefined) => {
    if (value !== undefined && value !== null && value !== "") conditions.push({ text, values: [value] });
  };
  add("id = ?", cdrid);
  add("sipcallid = ?", callid);
  add("datum >= ?", days ? sinceDays(String(days)) : undefined);
  add("datum >= ?", fromdt ? timeOf(String(fromdt), "fromdt", "00:00:00") : undefined);
  add("datum <= ?", todt ? timeOf(String(todt), "todt", "23:59:59") : undefined);
  return conditions;
}

/** A party is a number as it was dialled, a user's name, or a user's id. */
function whose({ userid, parentuserid, caller, called }: CallFilter): Condition[] {
  const conditions: Condition[] = [];
  if (userid) conditions.push({ text: "(callerid = ? or calledid = ?)", values: [userid, userid] });
  if (parentuserid)
    conditions.push({ text: `(callerid ${OF_PARENT} or calledid ${OF_PARENT})`, values: [parentuserid, parentuserid] });
  for (const [side, party] of [
    ["caller", caller],
    ["called", called],
  ] as const)
    if (party)
      conditions.push({
        text: `(${side}number = ? or ${side}id = ? or ${side}id in (select id from tb_users where username = ?))`,
        values: [String(party), /^\d{1,15}$/.test(String(party)) ? Number(party) : -1, String(party)],
      });
  return conditions;
}

/** `today` and `thismonth` begin with the day and the month (UTC), `lastweek` is 7 days, `lastmonth` 30. */
function sinceDays(days: string): string {
  const now = new Date();
  switch (days) {
    case "today":
      return toDatetime(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()));
    case "thismonth":
      return toDatetime(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
    case "lastweek":
      return toDatetime(now.getTime() - 7 * DAY);
    case "lastmonth":
      return toDatetime(now.getTime() - 30 * DAY);
    default:
      return toDatetime(now.getTime() - Number(days) * DAY);
  }
}

function timeOf(text: string, parameter: string, clock: string): string {
  const [, day = "", time = clock] = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?$/.exec(text.trim()) ?? [];
  const whole = `${day} ${time}`;
  if (fromDatetime(whole) > 0) return toDatetime(fromDatetime(whole));
  throw new ApiError("wrong parameter", `${parameter} must be a time such as 2026-01-31 or 2026-01-31 12:00:00`);
}
