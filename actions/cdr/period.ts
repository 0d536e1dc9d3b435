/** How far back call records are looked at, as requests say it: `today`, `lastweek`, `lastmonth`, `thismonth`, or a number of days. */
import { DAY, toDatetime } from "../../engine/datetime.js";
import { ApiError } from "../../engine/errors.js";

const WORDS: Readonly<Record<string, number>> = { lastweek: 7, lastmonth: 30 };
const MOST_DAYS = 36_500;

export const midnight = (time: number): number => time - (time % DAY);

/**
 * The time in UTC from which on records count; undefined where `days` is empty. `lastweek` and `lastmonth` are the last 7 and
 * 30 days. With `whole` the first day counts from its beginning.
 * Errors: ApiError "wrong parameter".
 */
export function periodStart(days: string, now: number, whole = false): string | undefined {
  const word = days.trim().toLowerCase();
  if (word === "") return undefined;
  if (word === "today") return toDatetime(midnight(now));
  if (word === "thismonth") return `${toDatetime(now).slice(0, 7)}-01 00:00:00`;
  const count = WORDS[word] ?? (/^\d{1,5}$/.test(word) ? Number(word) : 0);
  if (count < 1 || count > MOST_DAYS)
    throw new ApiError(
      "wrong parameter",
      `days must be today, lastweek, lastmonth, thismonth or 1 to ${MOST_DAYS} days`,
    );
  const start = now - count * DAY;
  return toDatetime(whole ? midnight(start) : start);
}
