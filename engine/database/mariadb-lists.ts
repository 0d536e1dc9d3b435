/** Values on their way to the `mariadb` driver, and its rows, which are lists, on their way back. */
import type { FieldInfo } from "mariadb";
import mysql from "mysql2";
import type { Cell, Row } from "../request.js";
import { wholeCell } from "./cells.js";
import type { BoundValue } from "./database.js";
import { type Conversion, conversionOf } from "./mariadb-cells.js";

export type List = readonly unknown[];
export type Fields = readonly FieldInfo[];

interface Column {
  readonly name: string;
  readonly convert: Conversion | undefined;
}

/** The driver keeps the fields of a statement for as long as they are right. */
const columnsOf = new WeakMap<Fields, readonly Column[]>();

const { Types } = mysql;

/** Types whose values this driver gives in another form than mysql2, with which the pool reads them. */
const OTHER_FORMS: ReadonlySet<number> = new Set([Types.GEOMETRY, Types.BIT, Types.TIME]);

/** Errors: Error for a column that this driver gives in a form of its own. */
export function rowsOfLists(lists: readonly List[], fields: Fields): Row[] {
  let columns = columnsOf.get(fields);
  if (columns === undefined) {
    columns = fields.map(columnOf);
    columnsOf.set(fields, columns);
  }
  const rows: Row[] = [];
  for (const list of lists) rows.push(rowOf(list, columns));
  return rows;
}

function columnOf(field: FieldInfo): Column {
  const { columnType, scale, collation } = field;
  if (OTHER_FORMS.has(columnType)) throw new Error("a value of this type has another form in this driver");
  return {
    name: field.name(),
    convert: conversionOf({ columnType, decimals: scale, characterSet: collation?.index }),
  };
}

function rowOf(list: List, columns: readonly Column[]): Row {
  const row: Row = {};
  for (let place = 0; place < columns.length; place += 1) {
    const { name, convert } = columns[place] as Column;
    row[name] = cellOf(list[place], convert);
  }
  return row;
}

function cellOf(value: unknown, convert: Conversion | undefined): Cell {
  if (value === null) return null;
  if (typeof value === "bigint") return wholeCell(value);
  if (Array.isArray(value)) return value.join(","); // a column of the type `set`
  return convert === undefined ? (value as Cell) : convert(value);
}

/** A JavaScript number beyond 32 bits would be sent as a double. */
export const boundList = (values: readonly BoundValue[]): BoundValue[] =>
  values.map((value) => (Number.isSafeInteger(value) && !isInt32(value as number) ? BigInt(value as number) : value));

const isInt32 = (value: number): boolean => (value | 0) === value;
