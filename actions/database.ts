/** What `db` is sent: any statement of an administrator, translated, run apart, with secrets masked in what comes back. */
import type { Action } from "../engine/contracts.js";
import { DatabaseError } from "../engine/database/database.js";
import { ApiError } from "../engine/errors.js";
import { SECRET_FIELDS } from "../engine/registry/scope.js";
import type { Row } from "../engine/request.js";
import { auditStatement, withoutLiterals } from "../engine/run/audit.js";
import { translateStatement } from "../engine/template/compile.js";

const MASK = "***";

function masked(row: Row, isSecret: (cell: unknown) => boolean): Row {
  const shown: Row = {};
  for (const [name, cell] of Object.entries(row))
    shown[name] = cell !== null && (SECRET_FIELDS.has(name.toLowerCase()) || isSecret(cell)) ? MASK : cell;
  return shown;
}

const database: Action = {
  name: "database",
  operations: {
    query: {
      summary: "Runs one statement; a select gives its rows, a change the number of rows that it changed.",
      input: { sql: "The statement, also in the forms of the original database." },
      transactional: false,
      async run({ sql }, context) {
        const { services } = context;
        const { database: target, settings, passwords, rates } = services;
        const { text, verb } = translateStatement(String(sql ?? ""), target.dialect);
        try {
          const deed = verb === "select" ? undefined : auditStatement(context, `data: ${withoutLiterals(text)}`);
          const result = await target.runForeign(
            { text, values: [] },
            { maxRows: settings.current.maxrows, andThen: deed === undefined ? [] : [deed] },
          );
          if (/\btb_bill(sources|entries)\b/i.test(text) && verb !== "select") await rates.refresh();
          const isSecret = (cell: unknown) =>
            typeof cell === "string" && (passwords.isSealed(cell) || settings.isSecret(cell));
          return verb === "select" || result.columns.length > 0
            ? { ...result, rows: result.rows.map((row) => masked(row, isSecret)), shows: "rows" }
            : { changed: result.changed };
        } catch (cause) {
          if (cause instanceof DatabaseError) throw new ApiError("failed", cause.message, { cause });
          throw cause;
        }
      },
    },
  },
};

export default database;
