/** One field of one row, by names that the request gives: the names are looked up in the live schema, never pasted. */
import { isAdmin } from "../engine/admit/kind.js";
import type { Action, ActionContext, Input } from "../engine/contracts.js";
import { parseAmount } from "../engine/database/amount.js";
import { builders, send } from "../engine/database/builder.js";
import { cellText } from "../engine/database/cells.js";
import type { BoundValue, Column } from "../engine/database/database.js";
import { ApiError } from "../engine/errors.js";
import { SECRET_FIELDS } from "../engine/registry/scope.js";
import type { Cell, Row } from "../engine/request.js";
import { subjectOf } from "../engine/run/audit.js";
import { checkOption } from "../engine/settings.js";
import { setCredit } from "./ledger.js";

/** Tables of the engine's own that nobody edits field by field. */
const INTERNAL = new Set([
  "tb_nonces",
  "tb_throttle",
  "tb_idempotency",
  "tb_apigeneration",
  "tb_apihistory",
  "tb_ledger",
  "tb_payments",
  "tb_audit",
]);

async function tableOf(input: Input, { services }: ActionContext): Promise<{ table: string; columns: Column[] }> {
  const table = (cellText(input["table"]) || "tb_users").toLowerCase();
  const schema = await services.database.schema();
  const columns = schema.get(table);
  if (columns === undefined || !table.startsWith("tb_") || INTERNAL.has(table))
    throw new ApiError("wrong parameter", `table: there is no table ${shown(table)} that may be used here`);
  return { table, columns };
}

/** The column of that name. Errors: ApiError that names `parameter`, the one that named it. */
export function columnOf(name: string, columns: readonly Column[], parameter: string): Column {
  const column = columns.find((it) => it.name === name.toLowerCase());
  if (column === undefined)
    throw new ApiError("wrong parameter", `${parameter}: there is no field ${shown(name)} in this table`);
  return column;
}

const shown = (name: string): string => name.replace(/[^\w.]/g, "?").slice(0, 64);

/** The value as its column wants it. `declared` is the request's fieldtype: string, int or float. Errors: ApiError. */
export function valueFor(column: Column, value: string, declared: string): string | number | null {
  const wrong = (what: string) => new ApiError("wrong parameter", `${column.name} must be ${what}`);
  const kind =
    declared === "int" ? "integer" : declared === "float" && column.kind !== "integer" ? "decimal" : column.kind;
  if (value === "" && kind !== "text") {
    if (column.nullable) return null;
    throw wrong("given a value");
  }
  if (kind === "integer") {
    if (!/^-?\d{1,15}$/.test(value)) throw wrong("a whole number");
    return Number(value);
  }
  if (kind === "decimal" && parseAmount(value) === undefined) throw wrong("an amount such as 2.5");
  if (kind === "datetime" && !/^\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?$/.test(value))
    throw wrong("a date such as 2026-01-31 12:00:00");
  return value;
}

/** The field by which a row is looked for where the request does not say. */
function guessedFilter(table: string, value: string, columns: readonly Column[]): string {
  const names = new Set(columns.map(({ name }) => name));
  const order =
    table === "tb_users"
      ? ["username"]
      : table === "tb_cdrs"
        ? ["callerid"]
        : ["username", "callerid", "userid", "name", "fname", "id"];
  const guess = order.find(
    (name) => names.has(name) && (columnOf(name, columns, "").kind === "text" || /^\d+$/.test(value)),
  );
  if (guess === undefined) throw new ApiError("wrong parameter", "filterfieldname must be given for this table");
  return guess;
}

async function getField(input: Input, context: ActionContext) {
  const { table, columns } = await tableOf(input, context);
  const field = columnOf(cellText(input["field"]) || "id", columns, "retfieldname");
  if (SECRET_FIELDS.has(field.name)) throw new ApiError("access denied", `${field.name} is never shown`);
  const value = cellText(input["value"]);
  const filter = columnOf(
    cellText(input["filter"]) || guessedFilter(table, value, columns),
    columns,
    "filterfieldname",
  );
  if (SECRET_FIELDS.has(filter.name)) throw new ApiError("access denied", `${filter.name} can't be searched`);
  const { session } = context;
  const bound = valueFor(filter, value, cellText(input["type"]).toLowerCase());
  const { rows } = await send(
    session,
    builders[session.dialect](table).select(field.name).where(filter.name, bound).limit(1),
  );
  const [row] = rows;
  if (row === undefined) throw new ApiError("not found", `no row of ${table} has this ${filter.name}`);
  if (table === "tb_settings" && context.services.settings.isSecret(row[field.name]))
    throw new ApiError("access denied", "this setting is never shown");
  return { value: row[field.name] ?? "" };
}

/** The names of a list of an action's input, in lower case. */
export const listOf = (value: Cell | undefined): Set<string> =>
  new Set(
    cellText(value)
      .toLowerCase()
      .split(/[\s,]+/),
  );

async function setField(input: Input, context: ActionContext) {
  return isAdmin(context.caller.kind) ? setAnyField(input, context) : setOwnField(input, context);
}

async function setAnyField(input: Input, context: ActionContext) {
  const { table, columns } = await tableOf(input, context);
  const field = columnOf(cellText(input["field"]), columns, "fieldname");
  const key = columns.some(({ name }) => name === "id") ? "id" : (columns[0]?.name ?? "id");
  if (field.name === key) throw new ApiError("access denied", `${key} can't be changed`);
  const row = cellText(input["row"]);
  if (row === "") throw new ApiError("wrong parameter", "rowid is missing: it tells which row to change");
  const value = cellText(input["value"]);
  const rowKey = valueFor({ ...columnOf(key, columns, "rowid"), name: "rowid" }, row, "");
  if (table === "tb_users" && field.name === "credit") {
    const credit = parseAmount(value);
    if (credit === undefined) throw new ApiError("wrong parameter", "credit must be an amount such as 2.5");
    await setCredit(Number(rowKey), credit, context);
    return { changed: 1, what: "credits", table, field: field.name, row };
  }
  if (table === "tb_settings") await checkSetting(field.name, value, rowKey, context);
  const changes = changesOf(field, value, cellText(input["type"]).toLowerCase(), context);
  const { changed } = await send(
    context.session,
    builders[context.session.dialect](table).where(key, rowKey).update(changes),
  );
  if (changed === 0) throw new ApiError("not found", `no row of ${table} has this ${key}`);
  return { changed, what: subjectOf(table), table, field: field.name, row };
}

/** What would stop the next start or the next reload is refused now. Errors: ApiError "wrong parameter", naming the option. */
async function checkSetting(field: string, value: string, id: BoundValue, { session }: ActionContext): Promise<void> {
  if (field !== "name" && field !== "val") return;
  const { rows } = await session.run({ text: "select name, val from tb_settings where id = ?", values: [id] });
  if (rows[0] === undefined) return;
  const option: Row = { ...rows[0], [field]: value };
  try {
    checkOption(cellText(option["name"]).toLowerCase(), cellText(option["val"]));
  } catch (cause) {
    throw new ApiError("wrong parameter", (cause as Error).message, { cause });
  }
}

/** Secrets are sealed on their way in. */
function changesOf(
  field: Column,
  value: string,
  declared: string,
  { services }: ActionContext,
): Record<string, string | number | null> {
  if (!SECRET_FIELDS.has(field.name)) return { [field.name]: valueFor(field, value, declared) };
  if (field.name === "pinhash") throw new ApiError("access denied", "pinhash follows pin; set pin instead");
  if (value.length < 4) throw new ApiError("wrong parameter", `${field.name} must have at least 4 characters`);
  const sealed = { [field.name]: services.passwords.seal(value) };
  return field.name === "pin" ? { ...sealed, pinhash: services.passwords.pinHash(value) } : sealed;
}

async function setOwnField(input: Input, context: ActionContext) {
  const { caller, session } = context;
  const { table, columns } = await tableOf(input, context);
  if (table !== "tb_users") throw new ApiError("access denied", "users may change fields of their own account only");
  if (caller.id === 0) throw new ApiError("access denied", "this needs an account");
  const row = cellText(input["row"]);
  if (row !== "" && row !== String(caller.id))
    throw new ApiError("access denied", "users may change their own account only");
  const name = cellText(input["field"]).toLowerCase();
  const isOnce = listOf(input["once"]).has(name);
  if (!isOnce && !listOf(input["always"]).has(name))
    throw new ApiError("access denied", `users may not change ${shown(name)}`);
  const field = columnOf(name, columns, "fieldname");
  const changes = { [field.name]: valueFor(field, cellText(input["value"]), cellText(input["type"]).toLowerCase()) };
  const query = builders[session.dialect](table).where("id", caller.id);
  if (isOnce) void query.where((empty) => empty.whereNull(field.name).orWhere(field.name, ""));
  const { changed } = await send(session, query.update(changes));
  if (changed === 0) throw new ApiError("conflict", `${field.name} is set already; an administrator can change it`);
  return { changed, what: subjectOf(table), table, field: field.name, row: String(caller.id) };
}

const fields: Action = {
  name: "fields",
  operations: {
    get: {
      summary: "Reads one field of the first row that fits.",
      input: {
        "table?": "tb_users",
        "field?": "id",
        "filter?": "Guessed.",
        "type?": "string, int or float.",
        value: "What the filter's field has to be.",
      },
      transactional: true,
      run: getField,
    },
    set: {
      summary: "Changes one field: users of their own account as the two lists allow, administrators of any table.",
      input: {
        "table?": "tb_users",
        field: "Its name.",
        value: "Its new value.",
        "type?": "string, int or float.",
        "row?": "Id of the row.",
        "always?": "Fields that users may change.",
        "once?": "Fields that users may set while they are empty.",
      },
      transactional: true,
      run: setField,
    },
  },
};

export default fields;
