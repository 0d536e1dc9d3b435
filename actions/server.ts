/** The server: its state, its settings, and reading them again. */
import { statfs } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import type { Action, ActionContext, Services } from "../engine/contracts.js";
import { OPTIONS, type OptionName, SECRET_OPTIONS } from "../engine/options.js";
import type { Cell, Row } from "../engine/request.js";
import { optionCell } from "../engine/settings.js";

const table = (values: Record<string, Cell>) => ({
  rows: Object.entries(values).map(([name, value]): Row => ({ name, value })),
  columns: ["name", "value"],
});

const megabytes = (bytes: number): number => Math.round(bytes / 1_048_576);

async function infoOf({ status, registry, database, outbox, rates }: Services): Promise<Record<string, Cell>> {
  const { total, failed } = status.requests();
  const { delay, cpu } = status.load();
  const queue = await outbox.counts();
  const { generation, entries, faults } = registry.current;
  return {
    version: status.version,
    host: hostname(),
    started: status.startedAt.toISOString(),
    uptime: Math.round((Date.now() - status.startedAt.getTime()) / 1000),
    state: status.draining ? "draining" : registry.behind ? "renewing its definitions" : "serving",
    database: database.dialect,
    generation,
    entries: new Set([...entries.values()].filter(({ closed }) => closed === undefined)).size,
    "left out": faults.map((fault) => `${fault.entry}: ${fault.message}`).join("; "),
    prices: await rates.refresh(),
    connections: status.connections(),
    requests: total,
    "failed requests": failed,
    "outbox waiting": queue.waiting,
    "outbox failed": queue.failed,
    "queries running": database.running().length,
    "event loop late ms": delay.p99.toFixed(1),
    "CPU %": (cpu * 100).toFixed(1),
    "memory MB": megabytes(process.memoryUsage().rss),
  };
}

/** Milliseconds to two places. */
const short = (milliseconds: number): string => String(Number(milliseconds.toFixed(2)));

const COLUMNS = ["entry", "calls", "failed", "mean ms", "50% ms", "95% ms", "99% ms", "longest ms"];

/** One row for each entry that was called. */
function figuresOf({ status }: Services): { rows: Row[]; columns: string[] } {
  const rows = status.entries().map((it): Row => {
    const times = [it.milliseconds / it.calls, it.p50, it.p95, it.p99, it.longest].map(short);
    const cells: Cell[] = [it.entry, it.calls, it.failed, ...times];
    return Object.fromEntries(COLUMNS.map((column, index) => [column, cells[index] ?? null]));
  });
  return { rows, columns: COLUMNS };
}

/** Milliseconds of a round trip to the database. */
async function databasePing({ services }: ActionContext): Promise<number> {
  const started = performance.now();
  await services.database.run({ text: "select 1 as one", values: [] });
  return Math.round((performance.now() - started) * 10) / 10;
}

/** Free bytes where there are fewest: where the server runs, where its log, its files and an SQLite database lie. */
async function leastFree({ services: { database, settings, logFiles } }: ActionContext): Promise<number> {
  const { filesroot, filestorage, recordingsroot, backuproot } = settings.current;
  const folders = [".", logFiles?.folder, filesroot, filestorage, recordingsroot, backuproot];
  if (database.dialect === "sqlite") {
    const { rows } = await database.run({ text: "select file from pragma_database_list where seq = 0", values: [] });
    folders.push(dirname(String(rows[0]?.["file"])));
  }
  const free = folders.map(async (folder = "") => {
    if (folder === "") return Number.POSITIVE_INFINITY;
    // One that is not there yet has none of its own.
    return statfs(folder).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => Number.POSITIVE_INFINITY,
    );
  });
  return Math.min(...(await Promise.all(free)));
}

async function heartbeatOf(context: ActionContext): Promise<Record<string, Cell>> {
  const { outbox, registry, settings, status } = context.services;
  return {
    state: status.draining ? "draining" : "alive",
    "database ms": String(await databasePing(context)),
    "outbox waiting": (await outbox.counts()).waiting,
    generation: registry.current.generation,
    switch: settings.current.switchurl === "" ? "none, since switchurl is not set" : "not asked by this version",
    "disk free MB": megabytes(await leastFree(context)),
  };
}

/** Which options are others now, in words. */
async function reloadOptions({ settings }: Services): Promise<string> {
  const changed = await settings.reload();
  await settings.announce();
  return changed.length === 0 ? "no option changed" : `changed: ${changed.join(", ")}`;
}

const server: Action = {
  name: "server",
  operations: {
    info: {
      summary: "State and important figures, a row each, and each by its name.",
      input: {},
      transactional: false,
      async run(_input, { services }) {
        const values = await infoOf(services);
        return { ...values, ...table(values) };
      },
    },
    entries: {
      summary: "Calls, failures and durations of each entry that was called, a row each.",
      input: {},
      transactional: true,
      run: async (_input, { services }) => figuresOf(services),
    },
    heartbeat: {
      summary: "Whether the database, the outbox and the disk are well.",
      input: {},
      transactional: false,
      run: async (_input, context) => table(await heartbeatOf(context)),
    },
    settings: {
      summary: "The options in force; secrets are masked.",
      input: {},
      transactional: true,
      async run(_input, { services }) {
        const { current } = services.settings;
        const rows = (Object.keys(OPTIONS) as OptionName[]).map((name): Row => {
          const text = String(optionCell(current[name]));
          const isHidden = text !== "" && SECRET_OPTIONS.includes(name);
          return { name, value: isHidden ? "***" : text, meaning: OPTIONS[name].summary };
        });
        return { rows, columns: ["name", "value", "meaning"] };
      },
    },
    reload: {
      summary: "Reads the settings, the price list and the bans again.",
      input: {},
      transactional: false,
      async run(_input, { services }) {
        const options = await reloadOptions(services);
        const prices = await services.rates.refresh(true);
        await services.bans.refresh();
        return { options, prices };
      },
    },
    rekey: {
      summary: "Reads the keys among the settings again.",
      input: {},
      transactional: false,
      run: async (_input, { services }) => ({ options: await reloadOptions(services) }),
    },
  },
};

export default server;
