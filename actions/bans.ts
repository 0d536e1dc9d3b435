/** Banned addresses. */
import type { Action } from "../engine/contracts.js";
import { ApiError } from "../engine/errors.js";

const bans: Action = {
  name: "bans",
  operations: {
    lift: {
      summary: "Lifts the ban of one address, or of all.",
      input: { address: "The address, or `all`." },
      transactional: false,
      async run({ address }, { services }) {
        const wanted = String(address ?? "");
        const lifted = await services.bans.lift(wanted);
        if (lifted === 0 && wanted !== "all") throw new ApiError("not found", "this address is not banned");
        return { count: lifted };
      },
    },
  },
};

export default bans;
