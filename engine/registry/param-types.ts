/** The types of parameters: how a value is read, what JSON Schema it must fit, and the words that say so. */
import { makeAjv } from "../ajv.js";
import { formatAmount, MAX_AMOUNT, parseAmount } from "../database/amount.js";
import { digitsOf } from "../digits.js";
import { listItems } from "../list-items.js";
import { EMAIL_PATTERN } from "../mail/address.js";
import type { Cell } from "../request.js";
import type { ScopeParam } from "../template/template.js";
import type { ParamDefinition } from "./definition.js";
import type { ParamType } from "./entry.js";

export interface TypeRule {
  /** How a SQL template binds it. */
  kind: ScopeParam["kind"];
  /** Constraints of a definition that mean something for it. */
  constraints: readonly (keyof ParamDefinition)[];
  /** The value in its normal form; what can't be read stays as it was sent, and the schema refuses it. */
  read(text: string): Cell;
  schema(definition: ParamDefinition): object;
  /** Completes `NAME must be ...`. */
  allowed(definition: ParamDefinition): string;
}

const MOST_TEXT = 10_000;

const asSent = (text: string): Cell => text;

function read(pattern: RegExp, value: (text: string) => Cell): (text: string) => Cell {
  return (text) => (pattern.test(text) ? value(text) : text);
}

const text: TypeRule = {
  kind: "text",
  constraints: ["minLength", "maxLength", "pattern", "patternText"],
  read: asSent,
  schema: ({ minLength = 0, maxLength = MOST_TEXT, pattern }) => ({
    type: "string",
    minLength,
    maxLength,
    ...(pattern === undefined ? {} : { pattern: `^(?:${pattern})$` }),
  }),
  allowed: ({ minLength = 0, maxLength = MOST_TEXT, patternText }) =>
    patternText ?? `a text of ${minLength > 0 ? `${minLength} to` : "at most"} ${maxLength} characters`,
};

const between = (least: string | undefined, most: string | undefined) =>
  least !== undefined && most !== undefined
    ? ` from ${least} to ${most}`
    : least !== undefined
      ? ` of at least ${least}`
      : most !== undefined
        ? ` of at most ${most}`
        : "";
const shown = (value: string | number | undefined) => (value === undefined ? undefined : String(value));

const integer: TypeRule = {
  kind: "integer",
  constraints: ["min", "max"],
  read: read(/^-?\d{1,15}$/, Number),
  schema: ({ min, max }) => ({
    type: "integer",
    ...(min === undefined ? {} : { minimum: min }),
    ...(max === undefined ? {} : { maximum: max }),
  }),
  allowed: ({ min, max }) => `a whole number${between(shown(min), shown(max))}`,
};

const amount: TypeRule = {
  kind: "amount",
  constraints: ["minimum", "exclusiveMinimum", "maximum"],
  read: (sent) => {
    const value = parseAmount(sent);
    return value === undefined ? sent : formatAmount(value);
  },
  schema: ({ minimum, exclusiveMinimum, maximum }) => ({ amount: { minimum, exclusiveMinimum, maximum } }),
  allowed: ({ minimum, exclusiveMinimum, maximum }) =>
    exclusiveMinimum === undefined
      ? `an amount${between(shown(minimum), shown(maximum))} such as 2.5`
      : `an amount above ${exclusiveMinimum}${between(undefined, shown(maximum))} such as 2.5`,
};

const USERNAME = "[A-Za-z0-9._@+-]{1,64}";

const username: TypeRule = {
  kind: "text",
  constraints: [],
  read: asSent,
  schema: () => ({ type: "string", pattern: `^${USERNAME}$` }),
  allowed: () => "1 to 64 letters, digits or . _ @ + -",
};

/** How many names a list may have where its definition says nothing. */
const USUAL_NAMES = 50;

const namesOf = ({ max = USUAL_NAMES }: ParamDefinition): number => Math.max(1, max);

/** How many names a parameter may hold; undefined where it is no list. */
export const mostNames = (definition: ParamDefinition): number | undefined =>
  definition.type === "usernames" ? namesOf(definition) : undefined;

const usernames: TypeRule = {
  kind: "list",
  constraints: ["max"],
  read: (sent) => listItems(sent).join(","),
  schema: (definition) => ({ type: "string", pattern: `^${USERNAME}(,${USERNAME}){0,${namesOf(definition) - 1}}$` }),
  allowed: (definition) => `1 to ${namesOf(definition)} user names with commas between them`,
};

const phone: TypeRule = {
  kind: "text",
  constraints: [],
  // A plus sign that was not percent-encoded arrives as a blank.
  read: digitsOf,
  schema: () => ({ type: "string", pattern: "^\\d{1,32}$" }),
  allowed: () => "a phone number of 1 to 32 digits",
};

/** With its `+` or `00`, and a plus sign that arrived as a blank: only the caller's country tells what it is. */
const dialled: TypeRule = {
  kind: "text",
  constraints: [],
  read: asSent,
  schema: () => ({ type: "string", maxLength: 64, pattern: "^[\\s(+]*\\d[\\d\\s\\-./()]*$" }),
  allowed: () => "a phone number or a prefix of one",
};

/** A number as people write it loses its signs; a name stays. */
const callee: TypeRule = {
  kind: "text",
  constraints: [],
  read: read(/^[\d\s\-./()+]*$/, phone.read),
  schema: () => ({ type: "string", pattern: "^[A-Za-z0-9._@+*#-]{1,64}$" }),
  allowed: () => "a phone number or a user name",
};

const email: TypeRule = {
  kind: "text",
  constraints: [],
  read: asSent,
  schema: () => ({
    type: "string",
    maxLength: 254,
    pattern: EMAIL_PATTERN,
  }),
  allowed: () => "an email address such as ann@example.com",
};

const password: TypeRule = {
  kind: "secret",
  constraints: [],
  read: asSent,
  schema: () => ({ type: "string", minLength: 1, maxLength: 512 }),
  allowed: () => "a text of 1 to 512 characters",
};

/** Its value is sealed once it is found good, so that statements may store it. */
const newpassword: TypeRule = {
  ...password,
  kind: "text",
  schema: () => ({ type: "string", minLength: 4, maxLength: 512 }),
  allowed: () => "a password of 4 to 512 characters",
};

const flag: TypeRule = {
  kind: "integer",
  constraints: [],
  read: (sent) => (/^(1|true|yes)$/i.test(sent) ? 1 : /^(0|false|no)$/i.test(sent) ? 0 : sent),
  schema: () => ({ enum: [0, 1] }),
  allowed: () => "0 or 1",
};

export const PARAM_TYPES: Readonly<Record<ParamType, TypeRule>> = {
  text,
  integer,
  amount,
  username,
  usernames,
  phone,
  dialled,
  callee,
  email,
  password,
  newpassword,
  flag,
};

type AmountBounds = Partial<Record<"minimum" | "exclusiveMinimum" | "maximum", string | number>>;

function amountCheck(bounds: AmountBounds): (data: unknown) => boolean {
  const bound = (value: string | number | undefined) => (value === undefined ? undefined : parseAmount(String(value)));
  const least = bound(bounds.minimum);
  const above = bound(bounds.exclusiveMinimum);
  const most = bound(bounds.maximum);
  return (data) => {
    const value = typeof data === "string" ? parseAmount(data) : undefined;
    if (value === undefined || value > MAX_AMOUNT || value < -MAX_AMOUNT) return false;
    if (least !== undefined && value < least) return false;
    if (above !== undefined && value <= above) return false;
    return most === undefined || value <= most;
  };
}

const ajv = makeAjv({ strictTypes: false, validateSchema: false });
ajv.addKeyword({ keyword: "amount", schemaType: "object", compile: amountCheck });

/** A validator; it is not kept by ajv, so that reloads don't pile schemas up. */
export function compileSchema(schema: object) {
  const check = ajv.compile(schema);
  ajv.removeSchema(schema);
  return check;
}
