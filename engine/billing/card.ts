/** A payment card, checked before anybody is asked. It stays in memory, for the one request that it came with. */
import validator from "card-validator";
import { ApiError } from "../errors.js";

export interface Card {
  /** Digits only. */
  number: string;
  /** `01` to `12`. */
  month: string;
  /** Four digits. */
  year: string;
  cvv: string;
}

/** Texts as they were typed. Errors: ApiError "wrong parameter", which never repeats them. */
export function readCard(sent: { number: string; month: string; year: string; cvv: string }): Card {
  const number = sent.number.replace(/[\s-]/g, "");
  const found = validator.number(number);
  if (!/^\d+$/.test(number) || !found.isValid) throw wrong("cardnum", "a card number; a digit is wrong or missing");
  const date = validator.expirationDate({ month: sent.month, year: sent.year });
  if (!date.isValid || date.month === null || date.year === null)
    throw wrong("expmonth and expireyear", "the month (1 to 12) and the year in which the card ends, not yet over");
  const cvv = sent.cvv.trim();
  const digits = found.card?.code.size ?? 3;
  if (!validator.cvv(cvv, digits).isValid) throw wrong("ccv2", `the ${digits} digits of the card's security code`);
  return {
    number,
    month: date.month.padStart(2, "0"),
    year: date.year.length === 2 ? `20${date.year}` : date.year,
    cvv,
  };
}

const wrong = (name: string, what: string) => new ApiError("wrong parameter", `${name} must be ${what}`);
