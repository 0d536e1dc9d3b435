/** Reads the parameters of a request: names and aliases, values without a name, empty ones, types. */
import type { ErrorObject } from "ajv";
import { ApiError } from "../errors.js";
import type { Cell } from "../request.js";
import type { Entry, ParamSpec, Params } from "./entry.js";
import { compileSchema } from "./param-types.js";

/** One parameter, ready to be read. */
export interface ParamReader {
  spec: ParamSpec;
  /** The declared name, then its aliases. */
  names: readonly string[];
  /** The value in its normal form; undefined for one that counts as not given. */
  read(text: string): Cell | undefined;
  schema: object;
  /** The default in its normal form. */
  preset: Cell | undefined;
  /** A new password: sealed once it is found good. */
  sealed: boolean;
}

export interface ReadOptions {
  /** Groups of parameters, of each of which one must be given. */
  needs: readonly (readonly string[])[];
  /** Seals a new password. */
  seal(clear: string): string;
}

type Named = ReadonlyMap<string, string | null>;

const NO_PARAMS: Params = Object.freeze(Object.create(null) as Params);

/** The function that an entry reads its parameters with. */
export function paramsValidator(readers: readonly ParamReader[], { needs, seal }: ReadOptions): Entry["validate"] {
  if (readers.length === 0) return () => NO_PARAMS;
  const check = compileSchema({
    type: "object",
    properties: Object.fromEntries(readers.map(({ spec, schema }) => [spec.name, orEmpty(schema, spec.empty)])),
    required: readers.filter(({ spec }) => spec.required).map(({ spec }) => spec.name),
  });
  const specs = new Map(readers.map(({ spec }) => [spec.name, spec]));
  const sealed = readers.filter((reader) => reader.sealed).map(({ spec }) => spec.name);
  return (named, positional) => {
    const params = Object.create(null) as Record<string, Cell>;
    for (const reader of readers) {
      const value = sentValue(reader, named, positional);
      if (value !== undefined) params[reader.spec.name] = value;
    }
    if (!check(params)) throw refusal(check.errors?.[0], specs);
    for (const group of needs)
      if (group.every((name) => params[name] === undefined || params[name] === null))
        throw new ApiError("wrong parameter", `${group.join(" or ")} is missing`);
    for (const name of sealed) if (typeof params[name] === "string") params[name] = seal(params[name]);
    return params;
  };
}

/** For entries that declare no parameters and use what they like: values without a name are `sparam1`, `sparam2`, ... */
export const openParams: Entry["validate"] = (named, positional) => {
  if (positional.length === 0) return NO_PARAMS;
  const params = Object.create(null) as Record<string, Cell>;
  for (const [index, value] of positional.slice(0, 99).entries()) {
    const name = `sparam${index + 1}`;
    if (!named.get(name)) params[name] = value;
  }
  return params;
};

/** The first value that is not empty; else the empty one or null as the parameter takes it; else the default. */
function sentValue(reader: ParamReader, named: Named, positional: readonly string[]): Cell | undefined {
  let empty: "" | null | undefined;
  for (const name of reader.names) {
    const sent = named.get(name);
    if (sent) return reader.read(sent) ?? reader.preset;
    if (empty === undefined && sent !== undefined) empty = sent as "" | null;
  }
  const { position } = reader.spec;
  const placed = position < 0 ? undefined : positional[position];
  if (placed) return reader.read(placed) ?? reader.preset;
  if (empty === undefined || reader.spec.empty === "absent") return reader.preset;
  return reader.spec.empty === "null" ? null : empty;
}

function orEmpty(schema: object, empty: ParamSpec["empty"]): object {
  if (empty === "absent") return schema;
  return { anyOf: [{ enum: empty === "null" ? [null] : ["", null] }, schema] };
}

/** Names the parameter and what is allowed; what was sent is not repeated. */
function refusal(error: ErrorObject | undefined, specs: ReadonlyMap<string, ParamSpec>): ApiError {
  const missing = error?.keyword === "required";
  const name = missing ? String(error.params["missingProperty"]) : (error?.instancePath.slice(1) ?? "");
  const allowed = specs.get(name)?.allowed ?? "";
  return new ApiError(
    "wrong parameter",
    missing ? `${name} is missing; it must be ${allowed}` : `${name} must be ${allowed}`,
  );
}
