/** When a task is due. */
import { Cron } from "croner";
import { FaultError } from "../errors.js";

/** Where a task does not say: the times in the database are UTC too. */
const STANDARD_ZONE = "UTC";

/**
 * `cron` has five fields, or six with seconds in front; in time zones with a summer time a run whose time is left out comes
 * right after the gap, and one whose time comes twice runs once. Gives the first time after a moment, or undefined when
 * there is none any more. Errors: FaultError.
 */
export function timesOf(cron: string, timezone: string): (after: Date) => Date | undefined {
  if (!/^\S+(\s+\S+){4,5}$/.test(cron.trim()))
    throw new FaultError("cron must have five fields (minute hour day month weekday), or six with seconds in front");
  const zone = timezone.trim() || STANDARD_ZONE;
  if (!isZone(zone)) throw new FaultError(`timezone '${zone}' is not known; write one such as Europe/Budapest`);
  const times = made(cron, zone);
  return (after) => times.nextRun(after) ?? undefined;
}

/** The library's timers are not used: what is due is read from the database, so that a busy process misses nothing. */
function made(cron: string, timezone: string): Cron {
  try {
    return new Cron(cron.trim(), { timezone, paused: true });
  } catch (cause) {
    throw new FaultError(`cron '${cron}' can't be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function isZone(timezone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
    return true;
  } catch {
    return false;
  }
}
