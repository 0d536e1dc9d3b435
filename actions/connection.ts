/** The connection that the request came on. */
import type { Action } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import { listItems } from "../engine/list-items.js";
import type { RelayTarget } from "../engine/request.js";

const NODE = /^([\w.-]+)=\[?([\w.:-]+?)\]?:(\d{1,5})$/;

/** Of `name=host:port, name=host:port`. Errors: ApiError "not configured". */
function consolesOf(text: string): Map<string, RelayTarget> {
  const consoles = new Map<string, RelayTarget>();
  for (const part of listItems(text)) {
    const [, name, host, port] = NODE.exec(part) ?? [];
    if (name === undefined || host === undefined || Number(port) > 65_535)
      throw new ApiError("not configured", "option clusternodes must be a list such as east=10.0.0.2:8081");
    consoles.set(name.toLowerCase(), { host, port: Number(port) });
  }
  if (consoles.size > 0) return consoles;
  throw new ApiError("not configured", "set option clusternodes to the consoles of the other servers, name=host:port");
}

const connection: Action = {
  name: "connection",
  operations: {
    close: {
      summary: "Closes the connection after the answer.",
      input: {},
      transactional: true,
      run: async () => ({ close: true }),
    },
    relay: {
      summary: "Goes on with the console of another server of `clusternodes`.",
      input: { name: "The server's name." },
      transactional: true,
      async run({ name }, { services }) {
        const consoles = consolesOf(services.settings.current.clusternodes);
        const relay = consoles.get(cellText(name).toLowerCase());
        if (relay === undefined)
          throw new ApiError("not found", `no server of that name; there are ${[...consoles.keys()].join(", ")}`);
        return { relay };
      },
    },
  },
};

export default connection;
