/** Reads `name=value&name=value`. On the path of every request, so one pass and no regular expression. */
import querystring from "node:querystring";

/** A value without its percent signs. What is malformed stays as it is; bytes that are no UTF-8 become U+FFFD. */
export const percentDecoded = (text: string): string => (text.includes("%") ? querystring.unescape(text) : text);

/** Calls `add` with each name and value, decoded, `+` as a space; a name without `=` has an empty value. */
export function readQuery(text: string, add: (name: string, value: string) => void): void {
  let start = 0;
  while (start < text.length) {
    const ampersand = text.indexOf("&", start);
    const end = ampersand < 0 ? text.length : ampersand;
    if (end > start) readPair(text.slice(start, end), add);
    start = end + 1;
  }
}

function readPair(pair: string, add: (name: string, value: string) => void): void {
  const equals = pair.indexOf("=");
  if (equals < 0) add(formDecoded(pair), "");
  else add(formDecoded(pair.slice(0, equals)), formDecoded(pair.slice(equals + 1)));
}

const formDecoded = (text: string): string => percentDecoded(text.includes("+") ? text.replaceAll("+", " ") : text);
