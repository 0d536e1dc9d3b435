/** The price of a call or message, from the price list in memory. */
import type { Action } from "../engine/contracts.js";
import { ApiError } from "../engine/errors.js";

const rates: Action = {
  name: "rates",
  operations: {
    find: {
      summary: "The price of the longest prefix that fits: of the caller's reseller, else of the default list.",
      input: { number: "Digits.", kind: "call or sms." },
      transactional: true,
      async run({ number, kind }, { services, caller }) {
        const reseller = Number(caller.fields["parentid"] ?? 0);
        const rate = services.rates.find(String(number), reseller, kind === "sms" ? "sms" : "call");
        if (rate === undefined) throw new ApiError("not found", `no rate for ${number}`);
        const { id: _, ...shown } = rate;
        return { ...rate, rows: [shown], columns: Object.keys(shown) };
      },
    },
  },
};

export default rates;
