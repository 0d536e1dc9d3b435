/** `tbapi options`: the table of options. */
import { OPTIONS } from "../options.js";
import { START_VARIABLES } from "../settings.js";

export function listOptions(print: (text: string) => void): number {
  for (const [name, meaning] of Object.entries(START_VARIABLES)) print(`${name}\n    ${meaning}`);
  for (const [name, spec] of Object.entries(OPTIONS)) {
    const fallback = spec.default === "" ? "none" : spec.default;
    const place = `${"owner" in spec ? "only " : ""}TBAPI_${name.toUpperCase()}`;
    print(`${name}  (${place}, ${spec.type}, default ${fallback})\n    ${spec.summary}`);
  }
  return 0;
}
