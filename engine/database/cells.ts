/** Values of a database as cells of an answer: the same select gives the same cells on both databases. */
import type { Cell } from "../request.js";
import { decimalOfDouble, roundDecimal } from "./amount.js";

/** A cell as text; empty where there is nothing. */
export const cellText = (cell: Cell | undefined): string => (cell === null || cell === undefined ? "" : String(cell));

/** A whole number: a JavaScript number where that is exact, otherwise its digits. */
export function wholeCell(value: bigint): Cell {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** A binary fraction as decimal text, of at most so many places. Infinities and NaN, which are no decimals, are null. */
export function realCell(value: number, places?: number): Cell {
  if (!Number.isFinite(value)) return null;
  return places === undefined ? decimalOfDouble(value) : roundDecimal(value, places);
}

export const blobCell = (value: Uint8Array): Cell => Buffer.from(value).toString("base64");

/** Names of the columns in their order, each once, as they are in a row. */
export const columnNames = (fields: readonly { name: string }[]): string[] => {
  const names = fields.map((field) => field.name);
  return new Set(names).size === names.length ? names : [...new Set(names)];
};
