/** How much of this server is in use. */
import { performance } from "node:perf_hooks";
import type { Action } from "../engine/contracts.js";

/** A full server has this level; below 4 a softphone takes it for usable. */
const HIGHEST = 7;

/** Milliseconds over which the share of busy time is taken at least. */
const LEAST_SPAN = 1_000;

let since = performance.eventLoopUtilization();
let share = 0;

/** The part of the last second or more in which the process was busy, from 0 to 1. */
function busyShare(): number {
  const now = performance.eventLoopUtilization(since);
  if (now.idle + now.active < LEAST_SPAN) return share;
  since = performance.eventLoopUtilization();
  share = now.utilization;
  return share;
}

/** 0 to 7 of a share from 0 to 1. */
export const levelOf = (part: number): number => Math.max(0, Math.min(HIGHEST, Math.floor(part * (HIGHEST + 1))));

const load: Action = {
  name: "load",
  operations: {
    level: {
      summary:
        "`level` 0 to 7: the greater share of the connections that there may be and of the time in which the process is busy; 7 while the server stops.",
      input: {},
      transactional: true,
      async run(_input, { services: { settings, status } }) {
        const connections = status.connections() / settings.current.maxconnections;
        return { level: status.draining ? HIGHEST : levelOf(Math.max(connections, busyShare())) };
      },
    },
  },
};

export default load;
