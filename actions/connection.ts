/** The connection that the request came on. */
import type { Action } from "../engine/contracts.js";

const connection: Action = {
  name: "connection",
  operations: {
    close: {
      summary: "Closes the connection after the answer.",
      input: {},
      transactional: true,
      run: async () => ({ close: true }),
    },
  },
};

export default connection;
