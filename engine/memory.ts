/** What this server keeps in memory, and what of it can be freed since it can be made again. */
import type { MemoryList, Services } from "./contracts.js";

type Parts = Omit<Services, "memory" | "storage" | "schedule" | "handle" | "logFiles">;

export const memoryOf = ({
  registry,
  rates,
  passwords,
  bans,
  database,
  status,
  tunnels,
  settings,
}: Parts): MemoryList[] => [
  { name: "entries", size: () => registry.current.entries.size },
  { name: "prices", size: () => rates.count, free: () => rates.refresh(true) },
  { name: "options", size: () => Object.keys(settings.current).length },
  { name: "opened passwords", size: () => passwords.kept, free: () => passwords.forget() },
  { name: "bans", size: () => bans.size },
  { name: "entries with figures", size: () => status.requests().entries },
  { name: "connections", size: () => status.connections() },
  { name: "tunnel sessions", size: () => tunnels.open().length },
  { name: "statements running", size: () => database.running().length },
  { name: "database connections", size: () => busy(database.pools()), free: () => database.reset() },
];

const busy = (pools: readonly { busy: number }[]): number => pools.reduce((sum, pool) => sum + pool.busy, 0);
