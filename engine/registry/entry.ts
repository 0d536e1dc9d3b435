/** The types of a compiled entry: what a request finds ready. Frozen once it is made. */
import type { ErrorClass } from "../errors.js";
import type { Cell, Content, Row } from "../request.js";
import type { CompiledTemplate } from "../template/template.js";
import type { HookBody } from "./hooks.js";

/** The seven `req_*` fields of an entry, resolved. Numbers are those of the reference. */
export interface AccessRule {
  /** The key must be right. */
  key: boolean;
  /** The address must be trusted or stand in `apiv2ipauth`. */
  ip: boolean;
  /** 2 nobody, 4 server administrators, 6 administrators, 8 owners and resellers, 10 support, 11 registered users, 12 all users, 14 everybody. */
  user: 2 | 4 | 6 | 8 | 10 | 11 | 12 | 14;
  /** 0 as `apiv2auth` says, 2 user with password or PIN, 4 user, password or PIN, 6 user name and password only. */
  mode: 0 | 2 | 4 | 6;
  /** Least credit of the caller as a decimal, `minimum` for `mincreditonroute`, null where it is not checked. */
  credit: string | "minimum" | null;
  /** null as `apidefneedregister` says. */
  register: 0 | 1 | 2 | null;
  /** null as `apidefneedlogin` says. */
  login: 0 | 1 | 2 | 3 | null;
  /** Only from the console. */
  console: boolean;
  /** Which limit counts its requests. */
  limit: LimitName;
}

/** `login`, `pin`, `reset`: each failure counts; `signup`, `mail`, `sms`, `call`: each request counts; beside the common limits. */
type LimitName = "common" | "login" | "pin" | "signup" | "reset" | "mail" | "sms" | "call";

export type ParamType =
  | "text"
  | "integer"
  | "amount"
  | "username"
  | "usernames"
  | "phone"
  | "dialled"
  | "callee"
  | "email"
  | "password"
  | "newpassword"
  | "flag";

/** A parameter of an entry, in the order of the reference. */
export interface ParamSpec {
  name: string;
  type: ParamType;
  summary: string;
  required: boolean;
  aliases: readonly string[];
  /** Index among the values without a name; -1 where it is sent by its name only. */
  position: number;
  /** A fixed list; a value is matched without regard to case and given as it stands here. */
  values?: readonly string[];
  default?: string;
  /** How many names a list may have. */
  most?: number;
  /** What an empty value is: as if it were not there (the usual), a value of its own, or NULL. */
  empty: "absent" | "keep" | "null";
  /** What is allowed, in words that complete `NAME must be ...`. */
  allowed: string;
}

/** Validated parameters by declared name in lower case; `undefined` when absent. Amounts are canonical decimal text. */
export type Params = Readonly<Record<string, Cell | undefined>>;

/** A text with `{name}`, `{step.field}`, `[USERID]` in it, compiled; a lone keyword gives the value itself. */
export type ValueTemplate = (scope: RunScope) => Cell | undefined;

/** What the texts, conditions and bindings of an entry may look at while it runs. */
export interface RunScope {
  params: Params;
  /** All parameters of the request in lower case, for open scopes; `auth*` are left out. */
  loose: ReadonlyMap<string, string | null>;
  caller: { id: number; username: string; fields: Readonly<Record<string, Cell>> };
  /** Result of each named step so far. */
  steps: Record<string, StepResult>;
  /** Set when a change was accepted to be carried out later. */
  deferred?: boolean;
}

export interface StepResult {
  rows: Row[];
  columns: string[];
  truncated: boolean;
  changed: number;
  insertId: number;
  /** First row, or what an action gave back. */
  [field: string]: unknown;
}

interface StepCommon {
  /** Name by which later steps and the answer use the result. */
  as: string | undefined;
  /** Runs only when it holds; undefined always. */
  when: ((scope: RunScope) => boolean) | undefined;
  /** The error answered instead of a failure of this step's own. */
  otherwise: { errorClass: ErrorClass; detail: (scope: RunScope) => string } | undefined;
  line: number;
}
export interface SqlStep extends StepCommon {
  kind: "sql";
  template: CompiledTemplate;
  /** undefined when anything will do. */
  expect: { rows: "one" | "some" | "none" } | undefined;
  /** How many rows are shown, or the parameter that says it; the statement looks for one more. undefined for all. */
  most: number | string | undefined;
  /** Written by an administrator: runs apart, with the row limit. */
  foreign: boolean;
  /** An asynchronous change of a row of tb_api: stored, answered, carried out in order. */
  deferred: boolean;
}
export interface CallStep extends StepCommon {
  kind: "call";
  /** `ledger.transfer` */
  action: string;
  input: Readonly<Record<string, ValueTemplate>>;
}
/** Ends the request. */
export interface RefuseStep extends Omit<StepCommon, "as" | "otherwise"> {
  kind: "refuse";
  as: undefined;
  otherwise: { errorClass: ErrorClass; detail: (scope: RunScope) => string };
}
export type Step = SqlStep | CallStep | RefuseStep;

/** In the order of `custom_action`, from 1. */
export const HOOK_KINDS = ["email", "sms", "ring", "restart", "database-restart", "reboot", "command", "sql"] as const;
export type HookKind = (typeof HOOK_KINDS)[number];

/** What is done after the answer: a statement, or items for a delivery of an action. */
export type Hook =
  | { on: "success" | "failure"; kind: "sql"; template: CompiledTemplate }
  | {
      on: "success" | "failure";
      kind: Exclude<HookKind, "sql">;
      /** `email.deliver` */
      delivery: string;
      bodies: (run: RunScope) => HookBody[];
      /** Those that stand in the bodies. */
      selects: readonly CompiledTemplate[];
    };

export interface Example {
  title?: string;
  /** Name of the user of the sample data who calls; absent for nobody. */
  as?: string;
  /** Options of tb_settings that hold for it. */
  options?: Readonly<Record<string, string>>;
  /** Statements that set the stage. */
  given?: readonly string[];
  /** Requests that are sent first, each with its `apientry`: by the same caller, or by the user named in `as`. */
  before?: readonly Readonly<Record<string, string>>[];
  request: Readonly<Record<string, string>>;
  /** The whole text answer with its `OK: ` or `ERROR: `, or a pattern between slashes. */
  answer: string;
  rows?: readonly Readonly<Record<string, Cell>>[];
  /** Statements and what their first value is afterwards. */
  then?: readonly { sql: string; is: Cell }[];
}

export interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Other names of it. */
  readonly aliases: readonly string[];
  /** Folder of the definition, or `custom`. */
  readonly subject: string;
  readonly audience: "public" | "user" | "sensitive" | "admin" | "console";
  readonly origin: "built-in" | "tb_api";
  /** file:line of the definition, or `tb_api`. */
  readonly source: string;
  readonly access: AccessRule;
  /** The caller must be a row of tb_users, not a trusted address alone. */
  readonly account: boolean;
  /** Columns of the caller's row that the entry uses, in lower case; undefined for all: a short list makes the login's statement cheaper. */
  readonly callerFields?: readonly string[] | undefined;
  readonly params: readonly ParamSpec[];
  /** Groups of parameters, of each of which one must be given. */
  readonly needs: readonly (readonly string[])[];
  /** Errors: ApiError "wrong parameter". */
  readonly validate: (named: ReadonlyMap<string, string | null>, positional: readonly string[]) => Params;
  /** Behaviour written by an administrator: its templates may use any parameter of the request. */
  readonly open: boolean;
  readonly transaction: boolean;
  readonly idempotent: boolean;
  readonly steps: readonly Step[];
  /** Text of a good answer. */
  readonly answer: (scope: RunScope) => string;
  /** Rows of a good answer; undefined when it has none. */
  readonly rows: ((scope: RunScope) => { rows: Row[]; columns: string[]; truncated: boolean } | undefined) | undefined;
  /** The file that is answered in place of the text; undefined when it has none. */
  readonly content: ((scope: RunScope) => Content | undefined) | undefined;
  /** What is kept of a success in tb_audit: `what: detail`, or nothing. */
  readonly audit?: ((scope: RunScope) => string) | undefined;
  readonly bare: boolean;
  /** Text forms show the answer's text in place of its rows. */
  readonly prose: boolean;
  readonly hooks: readonly Hook[];
  readonly examples: readonly Example[];
  /** Set when the entry can't be used: its definition is faulty, or it is switched off. */
  readonly closed: "faulty" | "disabled" | undefined;
}
