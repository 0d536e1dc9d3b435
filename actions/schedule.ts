/** Scheduled tasks. */
import type { Action } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";

const schedule: Action = {
  name: "schedule",
  operations: {
    list: {
      summary: "The tasks, a row each: when they run, what came of it, and what is wrong with them.",
      input: {},
      transactional: false,
      async run(_input, { services }) {
        const rows = await services.schedule.list();
        return { rows, columns: Object.keys(rows[0] ?? {}) };
      },
    },
    run: {
      summary: "Runs a task now and waits for its end.",
      input: { name: "Of the task." },
      transactional: false,
      run: async ({ name }, { services }) => ({ result: await services.schedule.run(cellText(name)) }),
    },
    restart: {
      summary: "Reads and compiles all tasks again.",
      input: {},
      transactional: false,
      async run(_input, { services }) {
        const { tasks, faulty } = await services.schedule.restart().catch((cause: Error) => {
          throw new ApiError("failed", cause.message, { cause });
        });
        return { tasks, faulty: faulty.map(({ name, fault }) => `${name}: ${fault}`).join("; ") };
      },
    },
  },
};

export default schedule;
