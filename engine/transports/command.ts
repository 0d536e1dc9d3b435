/** Reads a line of the console. */
import type { Incoming } from "../contracts.js";

type Command = NonNullable<Incoming["command"]>;

/** `entry,value,name=value,"a value, with a comma"`. */
export function parseCommand(line: string): Command {
  const text = line.trim();
  const comma = text.indexOf(",");
  const rest = comma < 0 ? "" : text.slice(comma + 1).trim();
  const entry = comma < 0 ? text : text.slice(0, comma).trim();
  return { entry, rest, ...sorted(comma < 0 ? [] : splitAtCommas(rest), unquoted) };
}

/** Values with a name, as in `name=value`, and those without, each as `read` gives it. */
export function sorted(parts: readonly string[], read = (text: string) => text): Pick<Command, "named" | "positional"> {
  const named: [string, string][] = [];
  const positional: string[] = [];
  for (const part of parts) {
    const [, name, value = ""] = NAMED.exec(part) ?? [];
    if (name === undefined) positional.push(read(part));
    else named.push([name, read(value)]);
  }
  return { named, positional };
}

/** Only a plain word is a name: `select a from b where c=1` is a value. */
const NAMED = /^([A-Za-z_]\w*)=([\s\S]*)$/;

/** Commas between double quotes separate nothing. */
const splitAtCommas = (text: string): string[] => {
  const parts = [""];
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (character === "," && !quoted) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
};

/** A value in double quotes loses them; two inside stand for one. */
const unquoted = (text: string): string =>
  text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
