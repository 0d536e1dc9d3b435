/** Reads `name=value&name=value`. On the path of every request, so one pass and no regular expression. */
import querystring from "node:querystring";

/** A value without its percent signs. What is malformed stays as it is; bytes that are no UTF-8 become U+FFFD. */
export const percentDecoded = (text: string): string => (text.includes("%") ? querystring.unescape(text) : text);

/**
 * Calls `add` with each name and value, decoded, `+` as a space; a name without `=` has an empty value. SMS gateways send
 * a message in the charset in which it came, and name that as `charset`.
 */
export function readQuery(text: string, add: (name: string, value: string) => void): void {
  const decoder = text.includes("charset=") ? decoderOf(text) : undefined;
  let start = 0;
  while (start < text.length) {
    const ampersand = text.indexOf("&", start);
    const end = ampersand < 0 ? text.length : ampersand;
    if (end > start) readPair(text.slice(start, end), add, decoder);
    start = end + 1;
  }
}

type Decode = (text: string) => string;

function readPair(pair: string, add: (name: string, value: string) => void, inCharset: Decode | undefined): void {
  const equals = pair.indexOf("=");
  if (equals < 0) {
    add(formDecoded(pair), "");
    return;
  }
  const name = formDecoded(pair.slice(0, equals));
  const decoded = inCharset !== undefined && MESSAGE.test(name) ? inCharset : formDecoded;
  add(name, decoded(pair.slice(equals + 1)));
}

/** The values that `charset` is about. */
const MESSAGE = /^(txt|message)$/i;

/** Reads the bytes of a value in the charset that the query names; undefined where it is none that is known. */
function decoderOf(query: string): Decode | undefined {
  const charset = /(?:^|&)charset=([\w-]+)/i.exec(query)?.[1];
  if (charset === undefined) return undefined;
  try {
    const decoder = new TextDecoder(charset);
    return (text) => decoder.decode(bytesOf(text.replaceAll("+", " ")));
  } catch {
    return undefined;
  }
}

const bytesOf = (text: string): Buffer =>
  Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );

const formDecoded = (text: string): string => percentDecoded(text.includes("+") ? text.replaceAll("+", " ") : text);
