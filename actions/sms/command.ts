/** Reads a message as a command: `balance`, `charge 100000000025`, `p2p name password 3611234567 3612345678`. */
import { digitsOf } from "../../engine/digits.js";
import { listItems } from "../../engine/list-items.js";

export interface SmsCommand {
  entry: string;
  /** Values of the entry in their order. */
  values: string[];
  /** A name and a password, or a PIN alone. */
  login: { name?: string; password: string } | undefined;
  /** The text without passwords and PINs, as it may be kept. */
  shown: string;
  /** Two words stand where a login would, without a command's name before them: it may be something else. */
  guessed: boolean;
}

interface Form {
  /** Most values that follow. */
  values: number;
  fits(word: string): boolean;
  /** Where values are missing the sender's own number stands first. */
  fromSender: boolean;
  secret: boolean;
}

const isNumber = (word: string): boolean => /^\d{3,32}$/.test(digitsOf(word));
const isPin = (word: string): boolean => /^(?=.*\d)[0-9A-Za-z-]{4,64}$/.test(word);

const NONE: Form = { values: 0, fits: () => false, fromSender: false, secret: false };
const TO_ONE: Form = { values: 1, fits: isNumber, fromSender: true, secret: false };
const TO_TWO: Form = { ...TO_ONE, values: 2 };
const FORMS: Readonly<Record<string, Form>> = {
  balance: NONE,
  rating: { ...TO_ONE, fromSender: false },
  charge: { values: 1, fits: isPin, fromSender: false, secret: true },
  cli: TO_ONE,
  cb: TO_ONE,
  callback: TO_ONE,
  p2p: TO_TWO,
};
const SHORT: ReadonlyMap<string, string> = new Map([
  ["bal", "balance"],
  ["recharge", "charge"],
]);

/**
 * `allowed` are the names of entries that may be called so. Before the values there may stand a name and a password, or a
 * PIN. Without a command's name two numbers are to be connected and one is called back. undefined for any other text.
 */
export function commandOf(text: string, sender: string, allowed: ReadonlySet<string>): SmsCommand | undefined {
  const words = listItems(text);
  const first = words[0]?.toLowerCase() ?? "";
  const name = SHORT.get(first) ?? first;
  const form = Object.hasOwn(FORMS, name) ? FORMS[name] : undefined;
  const command = form === undefined ? general(words, sender) : read(name, form, words.slice(1), sender);
  return command !== undefined && allowed.has(command.entry) ? command : undefined;
}

/** Old clients send numbers alone, behind the login or without one. */
function general(words: readonly string[], sender: string): SmsCommand | undefined {
  const numbers = isWholeNumber(words.at(-1)) ? (isWholeNumber(words.at(-2)) ? 2 : 1) : 0;
  if (numbers === 0) return undefined;
  const entry = numbers === 2 ? "p2p" : "cb";
  const command = read(entry, numbers === 2 ? TO_TWO : TO_ONE, words, sender);
  if (command === undefined) return undefined;
  const guessed = command.login?.name !== undefined;
  return { ...command, shown: command.shown.slice(entry.length + 1), guessed };
}

/** Long enough not to be the PIN of a login. */
const isWholeNumber = (word = ""): boolean => /^\d{7,32}$/.test(digitsOf(word));

function read(entry: string, form: Form, words: readonly string[], sender: string): SmsCommand | undefined {
  let start = words.length;
  while (start > 0 && words.length - start < form.values && form.fits(words[start - 1] ?? "")) start -= 1;
  const values = words.slice(start);
  const login = loginOf(words.slice(0, start));
  if (login === null) return undefined;
  const missing = form.values - values.length;
  if (missing > 1 || (missing === 1 && !form.fromSender)) return undefined;
  const stars = words.slice(0, start).map(() => "***");
  return {
    entry,
    values: missing === 1 ? [sender, ...values] : values,
    login,
    shown: [entry, ...stars, ...values.map((value) => (form.secret ? "***" : value))].join(" "),
    guessed: false,
  };
}

/** null for words that are no login. */
function loginOf([one, two, ...more]: readonly string[]): SmsCommand["login"] | null {
  if (one === undefined) return undefined;
  if (more.length > 0) return null;
  if (two !== undefined) return { name: one, password: two };
  return isPin(one) ? { password: one } : null;
}
