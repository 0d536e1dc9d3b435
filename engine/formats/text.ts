/** The plain form: one line, and for rows a line of column names and a line a row. */
import { lineOf, oneLine, tableOf } from "../answer.js";
import type { Format } from "../contracts.js";
import type { Answer, Cell } from "../request.js";

const text: Format = {
  name: "text",
  reads: [],
  writes: ["text", "cleartext"],
  encode: (answer) => ({ contentType: "text/plain; charset=utf-8", body: textForm(answer) }),
};
export default text;

function textForm(answer: Answer): string {
  const table = answer.prose ? undefined : tableOf(answer);
  if (table === undefined) return lineOf(answer);
  const lines = [table.columns, ...table.rows].map((cells) => cells.map(field).join("\t"));
  return [oneLine(lineOf(answer)), ...lines].join("\n");
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\r": "\\r", "\n": "\\n" };

const field = (cell: Cell | undefined): string =>
  cell === null || cell === undefined ? "" : String(cell).replace(/[\\\t\r\n]/g, (found) => ESCAPES[found] ?? "");
