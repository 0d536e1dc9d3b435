/** A flat JSON object in; code, status, text and rows out. */
import { visit } from "jsonc-parser";
import { codeOf, lineOf, statusOf } from "../answer.js";
import { textOf } from "../body.js";
import type { Format } from "../contracts.js";
import { ApiError } from "../errors.js";
import type { ParamValue } from "../request.js";

const json: Format = {
  name: "json",
  reads: ["application/json"],
  decode: (body, contentType) => flatObject(textOf(body, contentType)),
  writes: ["json"],
  encode: (answer) => ({
    contentType: "application/json; charset=utf-8",
    body: JSON.stringify({ code: codeOf(answer), status: statusOf(answer), text: lineOf(answer), rows: answer.rows }),
  }),
};
export default json;

/**
 * The members of an object whose values are text, numbers, true, false or null. A visitor instead of JSON.parse, since a
 * number has to keep its digits: 78.10 and 12345678901234567890 would not.
 */
function flatObject(text: string): [string, ParamValue][] {
  const pairs: [string, ParamValue][] = [];
  let name: string | undefined;
  const nested = (): never =>
    refuse(name === undefined ? "the JSON body must be one object" : `${name.slice(0, 50)} must be a text or a number`);
  visit(
    text,
    {
      onObjectBegin: (offset) => {
        if (text.slice(0, offset).trim() !== "") nested();
      },
      onArrayBegin: nested,
      onObjectProperty: (property) => {
        name = property;
      },
      onLiteralValue: (value: unknown, offset, length) => {
        if (name === undefined) nested();
        else pairs.push([name, ownText(value, text.slice(offset, offset + length))]);
      },
      onError: (_code, offset) => refuse(`the JSON body is malformed at character ${offset + 1}`),
    },
    { disallowComments: true },
  );
  return pairs;
}

/** `true` stays a word, which a flag takes and an amount does not. */
const ownText = (value: unknown, source: string): ParamValue =>
  typeof value === "string" || value === null ? value : source;

function refuse(why: string): never {
  throw new ApiError("wrong parameter", why);
}
