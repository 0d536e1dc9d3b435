/** A small page for people who try requests out in a browser. */
import { lineOf, statusOf, tableOf } from "../answer.js";
import type { Format } from "../contracts.js";
import type { Answer } from "../request.js";
import { escapeMarkup } from "../xml.js";

const html: Format = {
  name: "html",
  reads: [],
  writes: ["html"],
  encode: (answer) => ({
    contentType: "text/html; charset=utf-8",
    body:
      `<!DOCTYPE html><html><head><meta charset="utf-8"><title>${statusOf(answer)}</title></head>` +
      `<body>${lineMarkup(lineOf(answer))}${tableMarkup(answer)}</body></html>`,
  }),
};
export default html;

/** A text of several lines keeps them. */
const lineMarkup = (line: string): string =>
  line.includes("\n") ? `<pre>${escapeMarkup(line)}</pre>` : `<p>${escapeMarkup(line)}</p>`;

function tableMarkup(answer: Answer): string {
  const table = tableOf(answer);
  if (table === undefined) return "";
  const head = table.columns.map((column) => `<th>${escapeMarkup(column)}</th>`).join("");
  const rows = table.rows.map(
    (cells) => `<tr>${cells.map((cell) => `<td>${escapeMarkup(String(cell ?? ""))}</td>`).join("")}</tr>`,
  );
  return `<table><tr>${head}</tr>${rows.join("")}</table>`;
}
