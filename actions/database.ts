/**
 * The database as an administered thing: what `db` is sent (any statement of an administrator, translated, run apart, with
 * secrets masked in what comes back), its connections, its backups, and the second database.
 */
import type { Action, ActionContext } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { DatabaseError } from "../engine/database/database.js";
import { ApiError } from "../engine/errors.js";
import { SECRET_FIELDS } from "../engine/registry/scope.js";
import type { Cell, Row } from "../engine/request.js";
import { auditStatement, subjectOf, withoutLiterals } from "../engine/run/audit.js";
import { translateStatement } from "../engine/template/compile.js";

const MASK = "***";

function masked(row: Row, isSecret: (cell: unknown) => boolean): Row {
  const shown: Row = {};
  for (const [name, cell] of Object.entries(row))
    shown[name] = cell !== null && (SECRET_FIELDS.has(name.toLowerCase()) || isSecret(cell)) ? MASK : cell;
  return shown;
}

function auditOf(sql: string, context: ActionContext) {
  const told = withoutLiterals(sql);
  return auditStatement(context, `${subjectOf(told)}: ${told}`);
}

const optional = (value: Cell | undefined): string | undefined => cellText(value) || undefined;
const kilobytes = ({ bytes }: { bytes: number }): number => Math.ceil(bytes / 1024);

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
          const deed = verb === "select" ? undefined : auditOf(text, context);
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
    reset: {
      summary: "Closes the connections that are idle and opens fresh ones.",
      input: {},
      transactional: false,
      run: async (_input, { services }) => ({ ...(await services.database.reset()) }),
    },
    backup: {
      summary: "Makes a backup in the folder of backuproot, and removes the oldest beyond retainbackups.",
      input: {
        "name?": "Made of the time where absent.",
        "hours?": "None where there is one younger than so many hours.",
      },
      transactional: false,
      async run({ name, hours }, { services }) {
        const { backup, made } = await services.storage.backup(optional(name), Number(hours ?? 0));
        return { name: backup.name, kilobytes: kilobytes(backup), made: made ? 1 : 0 };
      },
    },
    restore: {
      summary: "Puts a backup in place of all data, which are kept in a new backup first.",
      input: { name: "Of the backup." },
      transactional: false,
      async run({ name }, { services }) {
        const { backup, safety } = await services.storage.restore(cellText(name));
        return { name: backup.name, safety: safety.name };
      },
    },
    copy: {
      summary: "Puts all data in place of those of the database that is not in use.",
      input: {},
      transactional: false,
      run: async (_input, { services }) => ({ ...(await services.storage.copyToOther()) }),
    },
    places: {
      summary: "Both databases and their state.",
      input: {},
      transactional: false,
      async run(_input, { services }) {
        const rows = await services.storage.places();
        return { rows, columns: Object.keys(rows[0] ?? {}) };
      },
    },
    changeOver: {
      summary: "Uses the other database from now on, on this server.",
      input: {
        "number?": "1 or 2; the one that is not in use where absent.",
        "copy?": "1 copies all data there first.",
      },
      transactional: false,
      async run({ number, copy }, { services }) {
        const wanted = optional(number);
        const { place } = await services.storage.changeOver(
          wanted === undefined ? undefined : Number(wanted),
          Number(copy ?? 0) === 1,
        );
        return { number: place };
      },
    },
  },
};

export default database;
