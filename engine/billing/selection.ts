/** Which call records are meant: by their time, and by who called. */
import type { Input } from "../contracts.js";
import { cellText } from "../database/cells.js";
import { DAY, toDatetime } from "../datetime.js";
import { ApiError } from "../errors.js";
import type { Cell } from "../request.js";

/** Records of these callers between these times, the latter not included. */
export interface Selection {
  from: string;
  to: string;
  types: [number, number];
  /** 0 for any. */
  parent: number;
}

/** Milliseconds of `2026-01-31` or `2026-01-31 12:00:00`, UTC. */
function timeOf(value: Cell | undefined, name: string): number {
  const [, day, time = " 00:00:00"] = /^(\d{4}-\d\d-\d\d)( \d\d:\d\d(?::\d\d)?)?$/.exec(cellText(value)) ?? [];
  const milliseconds = Date.parse(`${day}T${time.slice(1)}Z`);
  if (day === undefined || Number.isNaN(milliseconds) || toDatetime(milliseconds).slice(0, 10) !== day)
    throw new ApiError("wrong parameter", `${name} must be a date such as 2026-01-31, or 2026-01-31 12:00:00`);
  return milliseconds;
}

/** Errors: ApiError "wrong parameter". */
export function selectionOf({ days, fromdate, todate, usertype, parent }: Input): Selection {
  const from = (fromdate ?? "") === "" ? Date.now() - Number(days) * DAY : timeOf(fromdate, "fromdate");
  const day = cellText(todate).length === 10 ? DAY : 0;
  const to = (todate ?? "") === "" ? Date.now() + DAY : timeOf(todate, "todate") + day;
  if (from >= to) throw new ApiError("wrong parameter", "todate must be after fromdate");
  const types: [number, number] = (usertype ?? "") === "" ? [0, 99] : [Number(usertype), Number(usertype)];
  return { from: toDatetime(from), to: toDatetime(to), types, parent: Number(parent ?? 0) };
}
