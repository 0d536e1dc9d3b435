/** Calls, failures and durations of each entry: what they cost a request is about a tenth of a microsecond. */
import { Float64Histogram } from "hdr-histogram-js";
import type { EntryFigures } from "../contracts.js";

/** Microseconds: an hour, and what is longer counts as that. */
const LONGEST = 3_600_000_000;
/** Durations are kept to two significant digits. */
const DIGITS = 2;
/** Upper ends of the buckets that are told, in microseconds. */
export const BUCKETS: readonly number[] = [
  50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
  5_000_000, 10_000_000,
];

interface Meter {
  failed: number;
  /** Microseconds in all. */
  sum: number;
  durations: Float64Histogram;
}

export class EntryMeters {
  #meters = new Map<string, Meter>();

  /** `entry` is a name out of the registry, so that what callers make up takes no room. */
  record(entry: string, ok: boolean, milliseconds: number): void {
    let meter = this.#meters.get(entry);
    if (meter === undefined) {
      meter = { failed: 0, sum: 0, durations: new Float64Histogram(1, LONGEST, DIGITS) };
      this.#meters.set(entry, meter);
    }
    const microseconds = Math.min(Math.max(Math.round(milliseconds * 1_000), 1), LONGEST);
    meter.sum += microseconds;
    meter.durations.recordValue(microseconds);
    if (!ok) meter.failed += 1;
  }

  totals(): { entries: number; total: number; failed: number } {
    let total = 0;
    let failed = 0;
    for (const meter of this.#meters.values()) {
      total += meter.durations.totalCount;
      failed += meter.failed;
    }
    return { entries: this.#meters.size, total, failed };
  }

  /** The entries that were called, by name. */
  list(): EntryFigures[] {
    return [...this.#meters].sort(([one], [other]) => (one < other ? -1 : 1)).map(([entry, it]) => figures(entry, it));
  }

  reset(): void {
    this.#meters.clear();
  }
}

function figures(entry: string, { failed, sum, durations }: Meter): EntryFigures {
  const at = (percentile: number) => durations.getValueAtPercentile(percentile) / 1_000;
  return {
    entry,
    calls: durations.totalCount,
    failed,
    milliseconds: sum / 1_000,
    p50: at(50),
    p95: at(95),
    p99: at(99),
    longest: durations.maxValue / 1_000,
    upTo: BUCKETS.map((end) => countUpTo(end, durations)),
  };
}

function countUpTo(end: number, durations: Float64Histogram): number {
  const values = durations.recordedValuesIterator;
  values.reset();
  let count = 0;
  while (values.hasNext()) {
    const step = values.next();
    if (step.valueIteratedTo > end) break;
    count = step.totalCountToThisValue;
  }
  return count;
}
