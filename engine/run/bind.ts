/** From a compiled template and the values of one request to the statement that is sent. */
import type { BoundValue, Statement } from "../database/database.js";
import type { RunScope } from "../registry/entry.js";
import type { CompiledTemplate, Source } from "../template/template.js";

/** Errors: ApiError "wrong parameter" for a value that does not fit where it stands. */
export const bindTemplate = (template: CompiledTemplate, scope: RunScope): Statement =>
  template.bind((source) => lookUp(source, scope));

function lookUp(source: Source, { params, loose, caller, steps }: RunScope): BoundValue | undefined {
  switch (source.from) {
    case "param":
      return params[source.name] ?? loose.get(source.name);
    case "caller":
      return caller.fields[source.field];
    case "either":
      return caller.id === 0 ? (params[source.name] ?? loose.get(source.name)) : caller.fields[source.name];
    case "step":
      return steps[source.step]?.[source.field] as BoundValue | undefined;
  }
}
