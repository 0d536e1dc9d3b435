/** The SIP switch: calls, registrations and gateways are there, not in the database. */
import type { Action } from "../engine/contracts.js";
import { ApiError } from "../engine/errors.js";

const switchAction: Action = {
  name: "switch",
  operations: {
    request: {
      summary: "Asks the switch to do something. This version speaks with none, and says so.",
      input: { operation: "What it is to do, as it completes `a switch that could ...`." },
      transactional: true,
      async run({ operation }, { services }) {
        if (services.settings.current.switchurl === "")
          throw new ApiError(
            "not configured",
            `no SIP switch is set that could ${operation}; an administrator sets the option switchurl`,
          );
        throw new ApiError("not available", `this version can't ask the SIP switch to ${operation} yet`);
      },
    },
  },
};

export default switchAction;
