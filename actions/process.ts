/** The process itself: what it is made of, how busy it is, and whether it takes new work. */
import type { Action, Services } from "../engine/contracts.js";
import type { Cell, Row } from "../engine/request.js";

interface Part {
  kind: string;
  name: string;
  busy: number | null;
  size: number | null;
  waiting: number | null;
}

/** Handles and timers that keep the process awake, by what node calls them. */
function resources(): Part[] {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort().map(([name, size]) => ({ kind: "handle", name, busy: null, size, waiting: null }));
}

const libuvThreads = (): number => Number(process.env["UV_THREADPOOL_SIZE"]) || 4;

const partsOf = ({ database }: Services): Part[] => [
  { kind: "thread", name: `main, process ${process.pid}`, busy: null, size: 1, waiting: null },
  { kind: "thread", name: "files and names (libuv)", busy: null, size: libuvThreads(), waiting: null },
  ...database.pools().map((pool) => ({ kind: "pool", ...pool })),
  ...resources(),
];

const digits = (value: number, places = 1): string => value.toFixed(places).replace(/\.?0+$/, "");

function loadOf({ status, database }: Services): Record<string, Cell> {
  const { delay, busy, cpu, cpuSeconds } = status.load();
  const memory = process.memoryUsage();
  const ofPools = database.pools().map((pool) => [`${pool.name} busy`, `${pool.busy} of ${pool.size}`]);
  return {
    "event loop late ms, half": digits(delay.p50, 2),
    "event loop late ms, 99 of 100": digits(delay.p99, 2),
    "event loop late ms, longest": digits(delay.longest, 2),
    "event loop busy %": digits(busy * 100),
    "CPU %": digits(cpu * 100),
    "CPU seconds": digits(cpuSeconds, 2),
    "memory MB": Math.round(memory.rss / 1_048_576),
    "heap MB": Math.round(memory.heapUsed / 1_048_576),
    handles: process.getActiveResourcesInfo().length,
    ...Object.fromEntries(ofPools),
  };
}

const shortOf = ({ database }: Services): string => {
  const pools = database.pools().map(({ name, busy, size }) => `${name} ${busy} of ${size}`);
  const handles = process.getActiveResourcesInfo().length;
  return `process ${process.pid}; threads ${1 + libuvThreads()}; ${pools.join("; ")}; handles ${handles}`;
};

const asRows = (values: Record<string, Cell>): { rows: Row[]; columns: string[] } => ({
  rows: Object.entries(values).map(([name, value]) => ({ name, value })),
  columns: ["name", "value"],
});

const processAction: Action = {
  name: "process",
  operations: {
    parts: {
      summary:
        "Threads, pools of connections and processes, timers and other handles, a row each; `short` in one line.",
      input: {},
      transactional: true,
      run: async (_input, { services }) => ({
        rows: partsOf(services).map((part): Row => ({ ...part })),
        columns: ["kind", "name", "busy", "size", "waiting"],
        short: shortOf(services),
      }),
    },
    load: {
      summary: "How late the event loop is, CPU, memory and pools, a row each.",
      input: {},
      transactional: true,
      run: async (_input, { services }) => asRows(loadOf(services)),
    },
    drain: {
      summary: "Takes no new work from users, or takes it again; what runs is finished in either case.",
      input: { on: "1 or 0." },
      transactional: false,
      async run({ on }, { services: { status } }) {
        status.willStop = String(on) === "1";
        return {
          text: status.willStop
            ? "draining: only entries for administrators are carried out; willstop with 0 takes new requests again"
            : "new requests are taken",
        };
      },
    },
    reset: {
      summary: "Begins counting again: requests, durations, load, tunnel.",
      input: {},
      transactional: false,
      async run(_input, { services: { status, tunnels } }) {
        status.reset();
        tunnels.reset();
        return {};
      },
    },
  },
};

export default processAction;
