/**
 * The JSON Schema of a definition. `must` completes the sentence "NAME must be ..." for whoever wrote it wrong;
 * `description` is what editors show while typing.
 */
import { ERROR_CLASSES } from "../errors.js";
import { HOOK_KINDS } from "./entry.js";

const text = { type: "string", minLength: 1, must: "a text" };
const flag = { type: "boolean", must: "true or false" };
const count = { type: "integer", minimum: 0, must: "a whole number from 0" };
const scalar = { type: ["string", "number", "boolean"], must: "a text, a number, true or false" };
const cell = { type: ["string", "number", "null"], must: "a text, a number or null" };
const decimal = { type: ["string", "number"], must: "an amount such as 2.5" };
const name = {
  type: "string",
  pattern: "^[a-z][a-z0-9_]{0,63}$",
  must: "a name: a small letter, then small letters, digits and _",
};
const entryName = {
  type: "string",
  pattern: "^[a-z0-9_.-]{1,64}$",
  must: "an entry's name: small letters, digits, _ . -",
};
const list = (items: object, must: string) => ({ type: "array", items, minItems: 1, must });
const object = (properties: object, required: readonly string[] = [], must = "a mapping") => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
  must,
});
const oneOf = (...words: (string | number)[]) => ({ enum: words, must: `one of ${words.join(", ")}` });
// biome-ignore lint/suspicious/noThenProperty: `then` is a keyword of JSON Schema
const choose = (test: object, yes: object, no: object) => ({ if: test, then: yes, else: no });
const described = <T extends object>(description: string, schema: T) => ({ ...schema, description });

const PRESETS = ["public", "user", "sensitive", "admin", "console"];

const ifText = (yes: object, no: object) => choose({ type: "string" }, yes, no);

const access = ifText(
  oneOf(...PRESETS),
  object(
    {
      preset: oneOf(...PRESETS),
      key: described("The key must be right.", flag),
      ip: described("The address must be trusted or stand in apiv2ipauth.", flag),
      user: described("req_user", oneOf(2, 4, 6, 8, 10, 11, 12, 14)),
      mode: described("req_user_mode", oneOf(0, 2, 4, 6)),
      credit: described("Least credit of the caller: an amount, or minimum for mincreditonroute.", {
        type: ["string", "number"],
        pattern: "^(minimum|\\d{1,9}(\\.\\d{1,6})?)$",
        must: "an amount such as 2.5, or minimum",
      }),
      register: described("req_user_register", oneOf(0, 1, 2)),
      login: described("req_user_login", oneOf(0, 1, 2, 3)),
      limit: described(
        "Which limit counts its requests beside the common ones.",
        oneOf("common", "login", "pin", "signup", "reset", "mail", "sms", "call"),
      ),
    },
    ["preset"],
    `one of ${PRESETS.join(", ")}, or a mapping with such a preset`,
  ),
);

const TYPES = [
  "text",
  "integer",
  "amount",
  "username",
  "usernames",
  "phone",
  "dialled",
  "callee",
  "email",
  "password",
  "newpassword",
  "flag",
];

const param = object({
  type: described("text where it is left out.", oneOf(...TYPES)),
  required: flag,
  summary: text,
  aliases: list(name, "a list of names"),
  values: described("A fixed list; matched without regard to case.", list(scalar, "a list of values")),
  default: scalar,
  empty: described(
    "What an empty value is: as if it were not there, a value of its own, or NULL.",
    oneOf("absent", "keep", "null"),
  ),
  unknown: described(
    "What a value outside of the fixed list is: refused, or as if it were not there.",
    oneOf("refuse", "ignore"),
  ),
  placeholders: described(
    "Words that clients leave in where they have no value: as if it were not there.",
    list(text, "a list of words"),
  ),
  minLength: count,
  maxLength: count,
  pattern: described("Of a text: a regular expression for the whole value.", text),
  patternText: described("What the pattern asks for, as it completes 'NAME must be ...'.", text),
  min: described("Of an integer.", { type: "integer", must: "a whole number" }),
  max: described("Of an integer, or how many user names there may be.", { type: "integer", must: "a whole number" }),
  minimum: described("Of an amount.", decimal),
  exclusiveMinimum: described("Of an amount.", decimal),
  maximum: described("Of an amount.", decimal),
});

const condition = ifText(name, {
  type: "object",
  minProperties: 1,
  propertyNames: name,
  additionalProperties: { type: ["string", "number", "boolean", "array"], items: scalar, must: "a value or a list" },
  must: "a parameter's name, or a mapping of names to values",
});

const refusal = {
  type: "string",
  pattern: `^(${Object.keys(ERROR_CLASSES).join("|")}): \\S`,
  must: `a class and what to do, such as 'not found: no such user'; classes are ${Object.keys(ERROR_CLASSES).join(", ")}`,
};
const conditions = {
  when: described("Runs only when that parameter was given, or has that value.", condition),
  unless: described("Does not run when that parameter was given, or has that value.", condition),
};

const common = {
  as: described("Name by which later steps and the answer use the result.", name),
  otherwise: described("The error that is answered when the step fails.", refusal),
  ...conditions,
};

const step = choose(
  { type: "object", required: ["call"] },
  object(
    {
      call: described("An action: name.operation.", {
        type: "string",
        pattern: "^[a-z][a-zA-Z0-9-]*\\.[a-z][a-zA-Z0-9-]*$",
        must: "an action's name and operation, such as ledger.transfer",
      }),
      with: described("Its input; {name} and {step.field} stand for values.", {
        type: "object",
        additionalProperties: { ...scalar, type: ["string", "number", "boolean", "null"] },
        must: "a mapping of inputs to values",
      }),
      ...common,
    },
    ["call"],
  ),
  choose(
    { type: "object", required: ["refuse"] },
    object({ refuse: described("The error that is answered; nothing behind it is done.", refusal), ...conditions }, [
      "refuse",
    ]),
    object(
      {
        sql: described("One statement; {name} and {step.field} become bound values.", text),
        expect: described("How many rows it must show or change.", oneOf("one row", "rows", "no rows")),
        most: described("How many rows are shown, in place of a limit; the answer tells when there are more.", {
          type: ["integer", "string"],
          minimum: 1,
          must: "a number from 1, or the name of an integer parameter",
        }),
        ...common,
      },
      ["sql"],
      "a mapping with sql, call or refuse",
    ),
  ),
);

const hook = {
  type: "object",
  properties: Object.fromEntries(HOOK_KINDS.map((kind) => [kind, { type: "string", must: "a text" }])),
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  must: `a mapping with one of ${HOOK_KINDS.join(", ")}`,
};

const example = object(
  {
    title: text,
    as: described("Name of the user of the sample data who calls; nobody where it is left out.", text),
    options: described("Options of tb_settings that hold for it.", {
      type: "object",
      additionalProperties: { type: "string", must: "a text" },
      must: "a mapping of options to values",
    }),
    given: described("Statements that set the stage.", list(text, "a list of statements")),
    before: described(
      "Requests that are sent first, each with its apientry: by the same caller, or by the user named in `as`.",
      list(
        { type: "object", required: ["apientry"], additionalProperties: scalar, must: "a mapping with apientry" },
        "a list of requests",
      ),
    ),
    request: { type: "object", additionalProperties: scalar, must: "a mapping of parameters to values" },
    answer: described("The whole text answer, or a pattern between slashes.", text),
    rows: {
      type: "array",
      items: { type: "object", additionalProperties: cell, must: "a mapping" },
      must: "a list of rows",
    },
    // biome-ignore lint/suspicious/noThenProperty: a word of the definitions, never awaited
    then: described(
      "Statements, and what their first value is afterwards.",
      list(object({ sql: text, is: cell }, ["sql", "is"]), "a list of { sql, is }"),
    ),
  },
  ["request", "answer"],
);

const ROWS = "a step's name, a list of them, or { caller: [field] }";

export const DEFINITION_SCHEMA = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "A definition of an entry",
  ...object(
    {
      summary: described("One sentence: what a caller gets.", text),
      access: described("Who may call.", access),
      account: described("The caller must be an account, not a trusted address alone.", flag),
      aliases: described("Other names of the entry.", list(entryName, "a list of names")),
      params: described("In the order in which values without a name follow.", {
        type: "object",
        propertyNames: name,
        additionalProperties: param,
        must: "a mapping of names to parameters",
      }),
      needs: described(
        "Groups of parameters, of each of which at least one must be given.",
        list(list(name, "a list of names"), "a list of lists of names"),
      ),
      transaction: described("All steps or none.", flag),
      idempotent: described("A request repeated with the same idempotencykey is carried out once.", flag),
      steps: list(step, "a list of steps"),
      answer: described("Text of a good answer: Handlebars over parameters, caller and named steps.", text),
      rows: described(
        "Named steps, of which the first that ran shows its rows; or fields of the caller as one row.",
        choose({ type: "object" }, object({ caller: list(name, "a list of fields") }, ["caller"]), {
          type: ["string", "array"],
          pattern: name.pattern,
          items: name,
          minItems: 1,
          must: ROWS,
        }),
      ),
      content: described("A called step whose file is the answer.", name),
      audit: described(
        "What is kept of a success in tb_audit: Handlebars that gives `what: detail`, or nothing.",
        text,
      ),
      beside: described("Text behind the number of the rows that are shown: Handlebars, as the answer is.", text),
      bare: described("The text answer carries no OK in front.", flag),
      hooks: object({ success: list(hook, "a list of hooks"), failure: list(hook, "a list of hooks") }),
      examples: described("At least one that succeeds and one that fails.", list(example, "a list of examples")),
      neverSucceeds: described("No request can succeed in this version, so that no example shows one.", flag),
      neverFails: described("There is no request that fails, so that no example shows one.", flag),
    },
    ["summary", "access", "examples"],
  ),
};
