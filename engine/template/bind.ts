/** From a binding to the function that reads its value in a request; what can be decided at load is decided here. */
import type { BoundValue } from "../database/database.js";
import { ApiError } from "../errors.js";
import type { Binding, Lookup, Source } from "./template.js";

type Reader = (lookup: Lookup) => BoundValue;

const WHOLE = /^[+-]?\d{1,19}$/;
/** What a DECIMAL(18,6) holds; further places are rounded by the database. */
const DECIMAL = /^[+-]?\d{1,12}(?:\.\d{1,30})?$/;

/** Errors of what it gives: ApiError "wrong parameter" for a value that does not fit. */
export function reader({ parts, kind, literal, likeEscape, count, item }: Binding): Reader {
  const [first] = parts;
  const change = likeEscape === undefined ? String : escaping(likeEscape);
  if (literal || first === undefined || typeof first === "string") return textReader(parts, change);
  if (item !== undefined)
    return (lookup) => unlessMissing(lookup(first), (list) => String(list).split(",")[item] ?? null);
  if (count === true) return (lookup) => rowCount(lookup(first), first);
  if (kind === "integer") return (lookup) => unlessMissing(lookup(first), (value) => whole(value, first));
  if (kind === "amount") return (lookup) => unlessMissing(lookup(first), (value) => amount(value, first));
  if (likeEscape !== undefined) return (lookup) => unlessMissing(lookup(first), change);
  return (lookup) => unlessMissing(lookup(first), exact);
}

const unlessMissing = (value: BoundValue | undefined, change: (value: BoundValue) => BoundValue): BoundValue =>
  value === undefined || value === null ? null : change(value);

/** A whole number is bound as one, not as the binary fraction that drivers make of a JavaScript number. */
const exact = (value: BoundValue): BoundValue =>
  typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;

function textReader(parts: readonly (string | Source)[], change: (value: BoundValue) => string): Reader {
  return (lookup) => {
    let text = "";
    for (const part of parts) {
      const value = typeof part === "string" ? part : lookup(part);
      if (value !== undefined && value !== null) text += typeof part === "string" ? part : change(value);
    }
    return text;
  };
}

function escaping(mark: string): (value: BoundValue) => string {
  const special = new Set(["%", "_", mark]);
  return (value) => {
    let text = "";
    for (const character of String(value)) text += special.has(character) ? mark + character : character;
    return text;
  };
}

function whole(value: BoundValue, source: Source): bigint {
  const text = String(value);
  const number = WHOLE.test(text) ? BigInt(text) : undefined;
  if (number === undefined || BigInt.asIntN(64, number) !== number) throw wrong(source, "a whole number");
  return number;
}

function rowCount(value: BoundValue | undefined, source: Source): bigint {
  const number = value === undefined || value === null ? -1n : whole(value, source);
  if (number < 0n) throw wrong(source, "a number of rows, 0 or more");
  return number;
}

function amount(value: BoundValue, source: Source): string {
  const text = String(value);
  if (!DECIMAL.test(text)) throw wrong(source, "a number such as 12.5");
  return text;
}

/** The error for a value of `source` that is not `what`. */
export function wrong(source: Source, what: string): ApiError {
  return new ApiError("wrong parameter", `${nameOf(source)} must be ${what}`);
}

function nameOf(source: Source): string {
  if (source.from === "step") return `${source.step}.${source.field}`;
  return source.from === "caller" ? source.field : source.name;
}
