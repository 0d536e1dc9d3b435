/** `name=value` in any of its shapes: a form, a query as a body, INI lines. */
import { textOf } from "../body.js";
import type { Format } from "../contracts.js";
import { readQuery } from "../query.js";
import type { ParamValue } from "../request.js";

const form: Format = {
  name: "form",
  reads: ["application/x-www-form-urlencoded"],
  decode: (body, contentType) => pairsOf(textOf(body, contentType)),
  writes: [],
};
export default form;

function pairsOf(text: string): [string, ParamValue][] {
  const lines = text.split(/\r\n|\n|\r/).filter((line) => !SKIPPED.test(line));
  const [first = ""] = lines;
  // The text of an unencoded message may have several lines too; then the first one holds more than one pair.
  if (lines.length > 1 && !first.includes("&")) return lines.map(iniPair);
  const pairs: [string, ParamValue][] = [];
  readQuery(text.trim().replace(/^\?/, ""), (name, value) => pairs.push([name, value]));
  return pairs;
}

/** Blank lines, comments and section heads. */
const SKIPPED = /^\s*(?:$|[;#]|\[[^\]]*\]\s*$)/;

/** Values of INI are not encoded: `+` and `%` are themselves. The `ini` package would cut a value at `;` and `#`. */
function iniPair(line: string): [string, ParamValue] {
  const equals = line.indexOf("=");
  return equals < 0 ? [line.trim(), ""] : [line.slice(0, equals).trim(), line.slice(equals + 1).trim()];
}
