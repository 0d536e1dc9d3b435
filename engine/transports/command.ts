/** Reads a line of the console. */
import type { Incoming } from "../contracts.js";

type Command = NonNullable<Incoming["command"]>;

/** `entry,value,name=value,"a value, with a comma"`. */
export function parseCommand(line: string): Command {
  const text = line.trim();
  const comma = text.indexOf(",");
  const rest = comma < 0 ? "" : text.slice(comma + 1).trim();
  const command: Command = { entry: comma < 0 ? text : text.slice(0, comma).trim(), named: [], positional: [], rest };
  if (comma < 0) return command;
  for (const part of splitAtCommas(rest)) {
    const [, name, value] = NAMED.exec(part) ?? [];
    if (name === undefined) command.positional.push(unquoted(part));
    else command.named.push([name, unquoted(value ?? "")]);
  }
  return command;
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
