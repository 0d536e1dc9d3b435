/** The types of a compiled SQL template: made once at load, never changed, never parsed again. */
import type { BoundValue, Dialect } from "../database/database.js";

/** What a declared parameter is, as far as a statement has to know. */
export interface ScopeParam {
  /**
   * How its value is bound: `amount` as an exact decimal, `integer` as a whole number, `text` as text.
   * A `list` is texts between commas and stands behind `in` alone.
   * A `secret` one (a password in clear, a nonce) may not stand in a statement at all.
   */
  kind: "text" | "integer" | "amount" | "list" | "secret";
  /** A fixed list makes the keyword legal where only an identifier could stand; each value is an identifier. */
  values?: readonly string[];
  /** How many texts a list may have: a statement has a place for each. */
  most?: number;
}

/** What the keywords of a template may stand for. */
export interface TemplateScope {
  /** Declared parameters, names in lower case. A declared name hides a caller's field of that name. */
  params: ReadonlyMap<string, ScopeParam>;
  /** True for rows of tb_api: a name that is neither declared nor a caller's field is a parameter of any request. */
  open: boolean;
  /** Columns of the caller's row, in lower case. */
  callerFields: ReadonlySet<string>;
  /** Columns that no template may use, in lower case (`password`, `pin`). */
  secretFields: ReadonlySet<string>;
  /** In bodies of actions `USERID` in capital letters is `[USERID]`. */
  plainUserId?: boolean;
  /** Names of earlier steps whose first row `{step.field}` may use, in lower case. */
  steps: ReadonlySet<string>;
}

/** Where a bound value comes from. */
export type Source =
  | { from: "param"; name: string }
  | { from: "caller"; field: string }
  /** Of an open scope: the caller's field where there is a caller, otherwise the parameter of that name. */
  | { from: "either"; name: string }
  | { from: "step"; step: string; field: string };

/** One `?` of a statement. */
export interface Binding {
  /** Fixed text and sources in their order. A lone source without a value is NULL; inside a literal it is an empty text. */
  readonly parts: readonly (string | Source)[];
  readonly kind: "text" | "integer" | "amount";
  /** True when the parts stand in a string literal of the template, so that the value is always text. */
  readonly literal: boolean;
  /** In the operand of a `like`: the character that escapes `%`, `_` and itself in each source's value. */
  readonly likeEscape?: string;
  /** A number of rows, behind `limit` or `offset`: never missing, never below 0. */
  readonly count?: boolean;
  /** Which text of a list; NULL where the list is shorter. */
  readonly item?: number;
}

/** Looks a source up in a request: undefined when there is no value. */
export type Lookup = (source: Source) => BoundValue | undefined;

export interface CompiledTemplate {
  /** `select` shows rows; `change` tells how many rows it changed; `call` may do either (a stored procedure). */
  readonly verb: "select" | "change" | "call";
  /** True when the template began with `*`: its end is waited for. */
  readonly waits: boolean;
  readonly dialect: Dialect;
  /** Every text that this template can ever send: more than one only where fixed lists choose identifiers. */
  readonly texts: readonly string[];
  readonly bindings: readonly Binding[];
  /** The text and values of one request. Errors: ApiError "wrong parameter" for a value that does not fit its binding. */
  bind(lookup: Lookup): { text: string; values: BoundValue[] };
  /** Where in the template a place of a text came from; both count from 1. */
  position(text: string, offset: number): { line: number; column: number };
}

/**
 * `compileTemplate(text, scope, dialect)` in compile.ts makes one. Errors: FaultError with line and column.
 * `translateStatement(text, dialect)` in the same file does the same for what `db` is sent: no keywords, no bindings;
 * errors: ApiError "wrong parameter".
 */
export type CompileTemplate = (text: string, scope: TemplateScope, dialect: Dialect) => CompiledTemplate;
export type TranslateStatement = (
  text: string,
  dialect: Dialect,
) => { text: string; verb: "select" | "change" | "call" };
