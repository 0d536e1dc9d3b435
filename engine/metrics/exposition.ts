/** `/metrics`: the figures of this server in the form of Prometheus. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EntryFigures, Services } from "../contracts.js";
import { BUCKETS } from "./meters.js";

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

const DURATION = "tbapi_request_duration_seconds";
const seconds = (milliseconds: number): number => milliseconds / 1_000;

/** Made anew for each look: nothing has to be kept in step. Errors: DatabaseError, where the outbox can't be counted. */
export async function exposition(services: Services): Promise<string> {
  const registry = new Registry();
  const gauge = gaugesIn(registry);
  const { status, database, registry: definitions, outbox, memory } = services;
  const figures = status.entries();
  addRequests(figures, registry);
  new EntryDurations(figures, registry);

  gauge("tbapi_info", "The version; always 1", [[{ version: status.version, database: database.dialect }, 1]]);
  gauge("tbapi_uptime_seconds", "Since the start", seconds(Date.now() - status.startedAt.getTime()));
  gauge("tbapi_draining", "1 while no new work is taken", Number(status.draining));
  gauge("tbapi_generation", "Generation of the definitions in force", definitions.current.generation);
  addProcess(services, gauge);
  const pools = database.pools().flatMap(({ name: pool, size, busy, waiting }): Sample[] => [
    [{ pool, state: "most" }, size],
    [{ pool, state: "busy" }, busy],
    [{ pool, state: "waiting" }, waiting],
  ]);
  gauge("tbapi_pool", "Connections to the database, and what waits for one", pools);
  const items = Object.entries(await outbox.counts()).map(([state, count]): Sample => [{ state }, count]);
  gauge("tbapi_outbox_items", "Items of the outbox that are still to be done, or were given up", items);
  const sizes = memory.map(({ name, size }): Sample => [{ list: name }, size()]);
  gauge("tbapi_list_size", "What is kept in memory: prices, bans, counters and so on", sizes);
  return registry.metrics();
}

type Sample = [labels: Record<string, string>, value: number];
type AddGauge = (name: string, help: string, value: number | Sample[]) => void;

const gaugesIn =
  (registry: Registry): AddGauge =>
  (name, help, value) => {
    const samples: Sample[] = typeof value === "number" ? [[{}, value]] : value;
    const labelNames = Object.keys(samples[0]?.[0] ?? {});
    const gauge = new Gauge({ name, help, labelNames, registers: [registry] });
    for (const [labels, sample] of samples) gauge.set(labels, sample);
  };

function addRequests(figures: readonly EntryFigures[], registry: Registry): void {
  const requests = new Counter({
    name: "tbapi_requests_total",
    help: "Requests by entry and outcome",
    labelNames: ["entry", "outcome"],
    registers: [registry],
  });
  for (const { entry, calls, failed } of figures) {
    requests.inc({ entry, outcome: "good" }, calls - failed);
    requests.inc({ entry, outcome: "failed" }, failed);
  }
}

function addProcess({ status }: Services, gauge: AddGauge): void {
  const { delay, busy, cpuSeconds } = status.load();
  gauge("tbapi_event_loop_delay_seconds", "For how long the event loop was late", [
    [{ quantile: "0.5" }, seconds(delay.p50)],
    [{ quantile: "0.99" }, seconds(delay.p99)],
    [{ quantile: "1" }, seconds(delay.longest)],
  ]);
  gauge("tbapi_event_loop_busy_ratio", "Part of the time in which the event loop was busy", busy);
  gauge("tbapi_cpu_seconds", "CPU time since the figures were reset", cpuSeconds);
  const { rss, heapUsed } = process.memoryUsage();
  gauge("tbapi_memory_bytes", "Memory of the process", [
    [{ kind: "resident" }, rss],
    [{ kind: "heap" }, heapUsed],
  ]);
}

/** Durations that were counted elsewhere (meters.ts): the library's own way of counting would cost a request eight times as much. */
class EntryDurations extends Histogram<"entry" | "le"> {
  readonly #figures: readonly EntryFigures[];

  constructor(figures: readonly EntryFigures[], registry: Registry) {
    super({ name: DURATION, help: "Durations of requests by entry", labelNames: ["entry"], registers: [registry] });
    this.#figures = figures;
  }

  /** What the library asks a histogram for when it writes. */
  getForPromString() {
    const values = this.#figures.flatMap(({ entry, calls, milliseconds, upTo }) => [
      ...BUCKETS.map((end, index) => bucket(entry, String(end / 1_000_000), upTo[index] ?? 0)),
      bucket(entry, "+Inf", calls),
      { metricName: `${DURATION}_sum`, labels: { entry }, value: seconds(milliseconds) },
      { metricName: `${DURATION}_count`, labels: { entry }, value: calls },
    ]);
    return { name: DURATION, help: "Durations of requests by entry", type: "histogram", values };
  }
}

const bucket = (entry: string, le: string, value: number) => ({
  metricName: `${DURATION}_bucket`,
  labels: { entry, le },
  value,
});
