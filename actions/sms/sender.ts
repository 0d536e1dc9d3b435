/** Who a message is from: a number, or a short word. */
import { digitsOf } from "../../engine/digits.js";
import { ApiError } from "../../engine/errors.js";

/** Longest word that phones show. */
const MOST_LETTERS = 11;

/**
 * Digits without signs, or letters and digits cut to eleven; undefined for an empty text.
 * Errors: ApiError "wrong parameter".
 */
export function senderOf(text: string): string | undefined {
  const sender = text.trim();
  if (sender === "") return undefined;
  const digits = digitsOf(sender);
  if (/^\d{1,15}$/.test(digits)) return digits;
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]*$/.test(sender) || /^\d+$/.test(digits))
    throw new ApiError("wrong parameter", "from must be a number of at most 15 digits, or up to 11 letters and digits");
  return sender.slice(0, MOST_LETTERS).trimEnd();
}
