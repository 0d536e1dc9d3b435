/** How busy this process is, since its start or since its figures were reset. */
import { type EventLoopUtilization, type IntervalHistogram, monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { ProcessLoad } from "../contracts.js";

/** Milliseconds between two looks; what is measured has them in it. */
const EVERY = 20;

export class LoadMeter {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: EVERY });
  #cpu = process.cpuUsage();
  #loop: EventLoopUtilization = performance.eventLoopUtilization();
  #since = performance.now();

  start(): void {
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  reset(): void {
    this.#delay.reset();
    this.#cpu = process.cpuUsage();
    this.#loop = performance.eventLoopUtilization();
    this.#since = performance.now();
  }

  now(): ProcessLoad {
    const { user, system } = process.cpuUsage(this.#cpu);
    const cpuSeconds = (user + system) / 1_000_000;
    const seconds = (performance.now() - this.#since) / 1_000;
    return {
      delay: { p50: this.#delayAt(50), p99: this.#delayAt(99), longest: beyond(this.#delay.max) },
      busy: performance.eventLoopUtilization(this.#loop).utilization,
      cpuSeconds,
      cpu: seconds > 0 ? cpuSeconds / seconds : 0,
    };
  }

  /** Nothing was measured yet where the count is 0. */
  #delayAt(percentile: number): number {
    return this.#delay.count === 0 ? 0 : beyond(this.#delay.percentile(percentile));
  }
}

/** Milliseconds beyond the interval, of nanoseconds. */
const beyond = (nanoseconds: number): number => Math.max(0, nanoseconds / 1_000_000 - EVERY);
