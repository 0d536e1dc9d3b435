/** The outbox: what waits, and what was given up. */
import type { Action } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";

const outbox: Action = {
  name: "outbox",
  operations: {
    retry: {
      summary: "Gives failed items all their tries again.",
      input: { which: "An item's id, or all." },
      transactional: false,
      async run({ which }, { services }) {
        const id = cellText(which);
        const count = await services.outbox.retry(id === "all" ? "all" : Number(id));
        if (count === 0 && id !== "all")
          throw new ApiError(
            "not found",
            "no failed item has this id that may be tried again; what was refunded is to be sent anew",
          );
        return { count };
      },
    },
    hasten: {
      summary: "Ends the pauses of the items of a kind.",
      input: { kind: "Such as email.deliver." },
      transactional: false,
      run: async ({ kind }, { services }) => ({ count: await services.outbox.hasten(cellText(kind)) }),
    },
  },
};

export default outbox;
