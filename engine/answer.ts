/** What all answer formats say alike: the code, the status and the line of text. */
import type { Answer, Cell, Row } from "./request.js";

export const codeOf = (answer: Answer): 200 | 499 => (answer.ok ? 200 : 499);
export const statusOf = (answer: Answer): "OK" | "ERROR" => (answer.ok ? "OK" : "ERROR");

/** `OK: text`, `ERROR: text`, or the text alone for a good answer that is bare. */
export function lineOf(answer: Answer): string {
  if (!answer.ok) return `ERROR: ${answer.text}`;
  const text =
    answer.rows === undefined || answer.prose ? answer.text : textOfRows(answer.text, answer.rows, answer.truncated);
  return answer.bare ? text : `OK: ${text}`;
}

function textOfRows(text: string, rows: readonly Row[], truncated = false): string {
  const line = text === "" ? `${rows.length} rows` : text;
  return truncated ? `${line}, more were left out` : line;
}

/** The text without line ends, for where a line end is the end of the answer. */
export const oneLine = (text: string): string => (LINE_END.test(text) ? text.replace(LINE_ENDS, " ") : text);
const LINE_END = /[\r\n]/;
const LINE_ENDS = /[\r\n]+/g;

/** Columns and rows as two lists; undefined where the answer has no rows. */
export function tableOf(answer: Answer): { columns: readonly string[]; rows: (Cell | undefined)[][] } | undefined {
  if (answer.rows === undefined) return undefined;
  const columns = answer.columns ?? Object.keys(answer.rows[0] ?? {});
  return { columns, rows: answer.rows.map((row) => columns.map((column) => row[column])) };
}
