/** Phone numbers as people write them, made international. */
import type { CountryCode } from "libphonenumber-js/max";
import { countryCode, type NormalNumber, normalNumber } from "../engine/billing/numbers.js";
import type { Action } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import type { Cell, Row } from "../engine/request.js";

const COLUMNS = ["which", "sent", "number", "rule", "country"];

/** A country that is written as none is refused where a request names it; of an account it is as if it were not there. */
function countryOf(asked: Cell | undefined, own: Cell | undefined): CountryCode | undefined {
  const text = cellText(asked);
  if (text === "") return countryCode(cellText(own));
  const code = countryCode(text);
  if (code === undefined)
    throw new ApiError("wrong parameter", "country must be a country's English name or its two letters");
  return code;
}

/** Errors: ApiError "wrong parameter" for what is no number. */
function normal(value: Cell | undefined, country: CountryCode | undefined): NormalNumber {
  const number = normalNumber(cellText(value), country);
  if (number === undefined) throw new ApiError("wrong parameter", "the number must be digits, with + or 00 in front");
  return number;
}

const numbers: Action = {
  name: "numbers",
  operations: {
    normalize: {
      summary: "A number made international; national forms are read as those of the caller's country.",
      input: { number: "As it was written." },
      transactional: true,
      run: async ({ number }, { caller }) => ({ ...normal(number, countryOf("", caller.fields["country"])) }),
    },
    check: {
      summary: "Shows what becomes of a called and of a caller's number, and by which rule.",
      input: {
        called: "As it is written.",
        "caller?": "The same.",
        "country?": "Its national forms; else the caller's.",
      },
      transactional: true,
      async run(input, { caller }) {
        const country = countryOf(input["country"], caller.fields["country"]);
        const rows = ["called", "caller"].flatMap((which): Row[] => {
          const sent = cellText(input[which]);
          return sent === "" ? [] : [{ which, sent, ...normal(sent, country) }];
        });
        return { rows, columns: COLUMNS };
      },
    },
  },
};

export default numbers;
