/** The price list in memory: the price of a call or message, and what administrators do with the list itself. */
import type { Action, RateTableSize } from "../engine/contracts.js";
import { ApiError } from "../engine/errors.js";
import type { Cell, Row } from "../engine/request.js";

const COLUMNS = ["prefix", "name", "price", "currency", "billingstep", "minduration", "connectfee", "freeafter"];

const shown = ({ prices, lists, longest, bytes }: RateTableSize) => ({
  prices,
  lists,
  longest,
  kilobytes: Math.ceil(bytes / 1024),
});

/** Id of the owner of price lists: of a reseller or another user who has lists, by id; 0 of the default ones. */
function ownerOf(value: Cell | undefined): number {
  const owner = Number(value ?? 0);
  if (!Number.isSafeInteger(owner) || owner < 0) throw new ApiError("wrong parameter", "the owner must be an id");
  return owner;
}

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
        const { prefix, name, price, currency, billingStep, minDuration, connectFee, freeAfter } = rate;
        const row: Row = {
          ...{ prefix, name, price, currency, billingstep: billingStep },
          ...{ minduration: minDuration, connectfee: connectFee, freeafter: freeAfter },
        };
        return { ...rate, rows: [row], columns: COLUMNS };
      },
    },
    reload: {
      summary: "Reads the whole price list again.",
      input: {},
      transactional: false,
      async run(_input, { services }) {
        await services.rates.refresh(true);
        return shown(await services.rates.size());
      },
    },
    reread: {
      summary: "Drops the prices of one owner's lists and reads them again.",
      input: { "owner?": "Id of the reseller; 0 for the default lists." },
      transactional: false,
      run: async ({ owner }, { services }) => ({ ...(await services.rates.reread(ownerOf(owner))) }),
    },
    reindex: {
      summary: "Makes the index of prefixes anew from the prices in memory.",
      input: {},
      transactional: false,
      run: async (_input, { services }) => shown(await services.rates.reindex()),
    },
    size: {
      summary: "How large the price list in memory is.",
      input: {},
      transactional: true,
      run: async (_input, { services }) => shown(await services.rates.size()),
    },
  },
};

export default rates;
