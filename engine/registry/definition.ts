/** A definition as data: what a file or a row says, before it is compiled. */
import type { ErrorObject } from "ajv";
import { makeAjv } from "../ajv.js";
import type { ErrorClass } from "../errors.js";
import { DEFINITION_SCHEMA } from "./definition-schema.js";
import type { AccessRule, Entry, HookKind, ParamSpec, ParamType } from "./entry.js";
import { nearest } from "./nearest.js";

export type Preset = Entry["audience"];
type Scalar = string | number | boolean;

export interface AccessDefinition extends Partial<Omit<AccessRule, "credit" | "console">> {
  preset: Preset;
  credit?: string | number | null;
}

export interface ParamDefinition {
  type?: ParamType;
  required?: boolean;
  summary?: string;
  aliases?: string[];
  values?: Scalar[];
  default?: Scalar;
  empty?: ParamSpec["empty"];
  unknown?: "refuse" | "ignore";
  placeholders?: string[];
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  patternText?: string;
  min?: number;
  max?: number;
  minimum?: string | number;
  exclusiveMinimum?: string | number;
  maximum?: string | number;
}

/** A name that must have been given, or names with the values that they must have. */
export type ConditionDefinition = string | Record<string, Scalar | Scalar[]>;

export interface StepCommonDefinition {
  as?: string;
  /** `<class>: <detail>` */
  otherwise?: `${ErrorClass}: ${string}`;
  when?: ConditionDefinition;
  unless?: ConditionDefinition;
}
export interface SqlStepDefinition extends StepCommonDefinition {
  sql: string;
  expect?: "one row" | "rows" | "no rows";
  /** How many rows are shown: a number, or the name of a parameter. */
  most?: number | string;
}
export interface CallStepDefinition extends StepCommonDefinition {
  call: string;
  with?: Record<string, Scalar | null>;
}
export interface RefuseStepDefinition extends Pick<StepCommonDefinition, "when" | "unless"> {
  /** `<class>: <detail>` */
  refuse: `${ErrorClass}: ${string}`;
  as?: undefined;
}
export type StepDefinition = SqlStepDefinition | CallStepDefinition | RefuseStepDefinition;

/** One kind and its body. */
export type HookDefinition = Partial<Record<HookKind, string>>;

export interface ExampleDefinition {
  title?: string;
  as?: string;
  options?: Record<string, string>;
  given?: string[];
  before?: Record<string, Scalar>[];
  request: Record<string, Scalar>;
  answer: string;
  rows?: Record<string, string | number | null>[];
  then?: { sql: string; is: string | number | null }[];
}

export interface Definition {
  summary: string;
  access: Preset | AccessDefinition;
  account?: boolean;
  aliases?: string[];
  params?: Record<string, ParamDefinition>;
  needs?: string[][];
  transaction?: boolean;
  idempotent?: boolean;
  steps?: StepDefinition[];
  answer?: string;
  rows?: string | string[] | { caller: string[] };
  content?: string;
  /** Gives `what: detail`, or nothing. */
  audit?: string;
  /** Text behind the number of rows. */
  beside?: string;
  bare?: boolean;
  hooks?: { success?: HookDefinition[]; failure?: HookDefinition[] };
  examples: ExampleDefinition[];
  neverSucceeds?: boolean;
  neverFails?: boolean;
}

/** Where in a definition something stands: `["steps", 0, "sql"]`. */
export type Path = readonly (string | number)[];

/** One thing wrong with the shape of a definition. `atKey`: the name at the path's end is wrong, not its value. */
export interface ShapeFault {
  path: Path;
  atKey: boolean;
  message: string;
}

const validate = makeAjv({ allErrors: true, verbose: true, allowUnionTypes: true, strictTypes: false })
  .addVocabulary(["must"])
  .compile(DEFINITION_SCHEMA);

/** What is wrong with the shape of `data`, each fault in a plain sentence; none when it is a {@link Definition}. */
export function shapeFaults(data: unknown): ShapeFault[] {
  if (validate(data)) return [];
  const faults = (validate.errors ?? [])
    .filter(({ keyword }) => keyword !== "if" && keyword !== "propertyNames")
    .map(shapeFault);
  const seen = new Set<string>();
  return faults.filter(({ message }) => !seen.has(message) && seen.add(message));
}

function shapeFault(error: ErrorObject): ShapeFault {
  const path = error.instancePath.split("/").slice(1).map(unescapePointer);
  const subject = path.length === 0 ? "the definition" : `'${path.join(".")}'`;
  switch (error.keyword) {
    case "additionalProperties": {
      const name = String(error.params["additionalProperty"]);
      const known = Object.keys((error.parentSchema?.["properties"] ?? {}) as object);
      return { path: [...path, name], atKey: true, message: `'${name}' is not known here; ${nearest(name, known)}` };
    }
    case "required":
      return { path, atKey: false, message: `${subject} lacks '${String(error.params["missingProperty"])}'` };
    case "minLength":
    case "minItems":
    case "minProperties":
      return { path, atKey: false, message: `${subject} is empty; it must be ${mustOf(error)}` };
    default:
      if (error.propertyName !== undefined)
        return {
          path: [...path, error.propertyName],
          atKey: true,
          message: `'${error.propertyName}' must be ${mustOf(error)}`,
        };
      return { path, atKey: false, message: `${subject} must be ${mustOf(error)}` };
  }
}

const mustOf = (error: ErrorObject): string => String(error.parentSchema?.["must"] ?? error.message);
const unescapePointer = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");
