/** Nonces of the login procedure. */
import type { Action, ActionContext } from "../engine/contracts.js";

const issue = ({ services, caller, request }: ActionContext) => services.nonces.issue(caller.id, request.peer.address);

const nonce: Action = {
  name: "nonce",
  operations: {
    issue: {
      summary: "A new nonce for the caller.",
      input: {},
      transactional: false,
      run: async (_input, context) => ({ value: await issue(context) }),
    },
    start: {
      summary: "A new nonce where the settings ask for one with each request; nothing otherwise.",
      input: {},
      transactional: false,
      async run(_input, context) {
        if (context.services.settings.current.apidefneedlogin === "0") return {};
        return { value: await issue(context) };
      },
    },
  },
};

export default nonce;
