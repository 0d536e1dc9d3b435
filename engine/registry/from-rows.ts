/** From rows of tb_api to definitions. */
import type { Cell } from "../request.js";
import { accessRule, presetOfUser } from "./access.js";
import type { AccessDefinition, Definition } from "./definition.js";
import { type AccessRule, type Entry, HOOK_KINDS } from "./entry.js";
import type { Faults } from "./faults.js";

/** Columns of tb_api that make a definition, in the order in which they are kept in the history. */
export const ROW_COLUMNS = [
  "fname",
  "req_key",
  "req_ip",
  "req_user",
  "req_user_mode",
  "req_user_credit",
  "req_user_register",
  "req_user_login",
  "customsql",
  "custom_action",
  "custom_action_body",
  "enabled",
  "comment",
] as const;

type RowColumn = (typeof ROW_COLUMNS)[number];
export type ApiRow = Record<RowColumn, Cell>;

/** Entries are found without regard to case. */
export const nameOfRow = ({ fname }: ApiRow): string => String(fname ?? "").toLowerCase();

const NAME = /^[a-z0-9_.-]{1,64}$/;
/** The name of the step that runs customsql. */
const RESULT = "result";
/** Stands where a row has no comment. */
const OWN_ENTRY = "An entry of this server's own.";
/** Kinds of custom_action that need a body: email, sms, command, sql. */
const WITH_BODY: readonly string[] = ["email", "sms", "command", "sql"];
/** An entry that has to be there so that faults can be repaired. */
export const REPAIR_ENTRY = "apireload";

export const isDisabled = (row: ApiRow): boolean => isNumber(row.enabled, 0) || isNumber(row.req_user, 2);

/**
 * The definition of a row; `base` is the built-in entry of its name. Without `steps` it changes only the access of `base`
 * and adds hooks. Faults are added with the column in their words.
 */
export function definitionOfRow(row: ApiRow, base: Entry | undefined, faults: Faults): Definition {
  const name = nameOfRow(row);
  const sql = bodyOf(row.customsql);
  const action = hookOf(row, faults);
  if (!NAME.test(name)) faults.add([], "fname must have 1 to 64 letters, digits or _ . -");
  if (name === REPAIR_ENTRY && sql !== "")
    faults.add([], "customsql can't replace apireload, which repairs faulty rows");
  if (base === undefined && sql === "" && action === undefined)
    faults.add([], "no built-in entry has this name, so it needs a customsql or a custom_action");
  return {
    summary: textOf(row.comment) || (sql === "" ? base?.summary : undefined) || OWN_ENTRY,
    access: accessOf(row, base, faults),
    examples: [],
    ...(sql === "" ? {} : { steps: [{ sql, as: RESULT }], rows: RESULT }),
    ...(sql === "" && base === undefined ? { answer: "accepted" } : {}),
    ...(action === undefined ? {} : { hooks: action }),
  };
}

/** Each column says its part; where it is empty or 0 the part is that of the built-in entry, or shut. */
function accessOf(row: ApiRow, base: Entry | undefined, faults: Faults): AccessDefinition {
  const user = choice(row, "req_user", [0, 4, 6, 8, 10, 11, 12, 14], faults);
  const preset = base?.audience ?? presetOfUser((user || 6) as AccessRule["user"]);
  const rule = base?.access ?? accessRule(preset);
  const key = choice(row, "req_key", [0, 1], faults) !== 0;
  const ip = choice(row, "req_ip", [0, 1], faults) === 1 || rule.ip;
  const mode = (choice(row, "req_user_mode", [0, 2, 4, 6], faults) || rule.mode) as AccessRule["mode"];
  const credit = creditOf(row, faults);
  return {
    preset,
    key,
    ip,
    user: (user || rule.user) as AccessRule["user"],
    mode,
    credit: credit === undefined ? rule.credit : credit,
    register: (choice(row, "req_user_register", [0, 1, 2], faults) ?? rule.register) as AccessRule["register"],
    login: (choice(row, "req_user_login", [0, 1, 2, 3], faults) ?? rule.login) as AccessRule["login"],
    limit: rule.limit,
  };
}

/** 0 leaves it as it is, 1 is no check, 2 is mincreditonroute, anything else is an amount. */
function creditOf(row: ApiRow, faults: Faults): string | null | undefined {
  const text = String(row.req_user_credit ?? "0");
  if (!/^-?\d{1,9}(\.\d{1,6})?$/.test(text)) faults.add([], "req_user_credit must be 0, 1, 2 or an amount such as 2.5");
  if (Number(text) === 0) return undefined;
  return text === "1" ? null : text === "2" ? "minimum" : text;
}

function hookOf(row: ApiRow, faults: Faults): Definition["hooks"] {
  if (row.custom_action === null || isNumber(row.custom_action, 0)) return undefined;
  const number = Number(row.custom_action);
  const kind = HOOK_KINDS[(number > 50 ? number - 50 : number) - 1];
  const body = bodyOf(row.custom_action_body);
  if (kind === undefined) {
    const kinds = HOOK_KINDS.map((word, index) => `${index + 1} ${word}`).join(", ");
    faults.add([], `custom_action must be one of ${kinds}; the same plus 50 on failure`);
    return undefined;
  }
  if (body === "" && WITH_BODY.includes(kind))
    faults.add([], `custom_action ${number} (${kind}) needs a custom_action_body`);
  return { [number > 50 ? "failure" : "success"]: [{ [kind]: body }] };
}

/** The column's number; undefined where it is empty. */
function choice(row: ApiRow, column: RowColumn, allowed: readonly number[], faults: Faults): number | undefined {
  const value = row[column];
  if (value === null || value === "") return undefined;
  const found = allowed.find((number) => isNumber(value, number));
  if (found === undefined) faults.add([], `${column} must be one of ${allowed.join(", ")}`);
  return found;
}

const isNumber = (value: Cell, number: number): boolean => value !== null && value !== "" && Number(value) === number;
/** As it was written, so that places in it stay right; nothing where it is blank. */
const bodyOf = (value: Cell): string => (textOf(value) === "" ? "" : String(value));
const textOf = (value: Cell): string => String(value ?? "").trim();
