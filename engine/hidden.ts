/** Opens what a client has hidden: `mcrfs`, which is a whole query, and single values that begin with `oenc1_`. */
import { ApiError } from "./errors.js";
import { reveal } from "./obfuscation.js";
import { HIDDEN_QUERY, HIDDEN_VALUE, type Parameters } from "./parameters.js";
import { percentDecoded, readQuery } from "./query.js";

/** Adds what was hidden to the parameters. Errors: ApiError that tells the option or the parameter. */
export function openHidden(params: Parameters, key: string): void {
  if (!params.hidden) return;
  const blob = params.text(HIDDEN_QUERY);
  if (blob !== undefined) {
    // Clients encode each value a second time before they hide the query.
    readQuery(opened(blob, HIDDEN_QUERY, key), (name, value) => params.add(name, percentDecoded(value)));
  }
  for (const [name, value] of params.map) {
    if (value?.startsWith(HIDDEN_VALUE)) params.map.set(name, opened(value.slice(HIDDEN_VALUE.length), name, key));
  }
}

function opened(blob: string, name: string, key: string): string {
  if (key === "") throw new ApiError("not configured", "set httpapiencryptkey to accept hidden requests");
  const text = reveal(blob, key);
  if (text === undefined)
    throw new ApiError("wrong parameter", `${name.slice(0, 50)} can't be opened with the key of this server`);
  return text;
}
