/** The tunnel: requests that are hidden as a whole under `httpapiencryptkey`. */
import type { Action } from "../engine/contracts.js";
import { toDatetime } from "../engine/datetime.js";
import type { Row } from "../engine/request.js";

const tunnel: Action = {
  name: "tunnel",
  operations: {
    counters: {
      summary:
        "Sessions, requests and bytes since the start or the last reset, and whether the tunnel is on (`state`).",
      input: {},
      transactional: true,
      run: async (_input, { services: { tunnels, settings } }) => ({
        ...tunnels.counters(),
        state: settings.current.httpapiencryptkey === "" ? "off, since httpapiencryptkey is not set" : "on",
      }),
    },
    sessions: {
      summary: "The open sessions, a row each.",
      input: { "short?": "1 leaves out what came on them." },
      transactional: true,
      async run({ short }, { services }) {
        const rows = services.tunnels.open().map(
          ({ began, last, ...session }): Row => ({
            ...session,
            began: toDatetime(began.getTime()),
            last: toDatetime(last.getTime()),
          }),
        );
        const columns = ["id", "transport", "address", "began"];
        return { rows, columns: short === undefined ? [...columns, "last", "requests", "received", "sent"] : columns };
      },
    },
  },
};

export default tunnel;
