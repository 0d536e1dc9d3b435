/** How the values of MariaDB's columns become cells, whichever driver read them. */
import mysql, { type FieldPacket } from "mysql2";
import type { Cell } from "../request.js";
import { trimDecimal } from "./amount.js";
import { blobCell, realCell, wholeCell } from "./cells.js";

export type Conversion = (value: unknown) => Cell;

const { Types } = mysql;
const BINARY_CHARSET = 63;

/** Undefined where the drivers give cells. The conversion takes a value that is not null. */
export function conversionOf({
  columnType,
  decimals,
  characterSet,
}: Pick<FieldPacket, "columnType" | "decimals" | "characterSet">): Conversion | undefined {
  switch (columnType) {
    case Types.DECIMAL:
    case Types.NEWDECIMAL:
      return decimals === 0 ? wholeDecimal : fraction;
    case Types.FLOAT:
    case Types.DOUBLE:
      return real;
    case Types.TINY_BLOB:
    case Types.MEDIUM_BLOB:
    case Types.LONG_BLOB:
    case Types.BLOB:
    case Types.VAR_STRING:
    case Types.STRING:
    case Types.BIT:
      return characterSet === BINARY_CHARSET ? bytes : undefined;
    case Types.GEOMETRY:
    case Types.VECTOR:
      return JSON.stringify;
    default:
      return undefined;
  }
}

const fraction: Conversion = (value) => trimDecimal(value as string);
const wholeDecimal: Conversion = (value) => wholeCell(BigInt(value as string));
const real: Conversion = (value) => realCell(value as number);
const bytes: Conversion = (value) => (value instanceof Uint8Array ? blobCell(value) : (value as Cell));
