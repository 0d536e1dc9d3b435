/** `definitions/old-api.yaml`: the commands of the old interface and the entries that they are. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** Words without a name, in their order, and the entry that they are for where it is another one. */
export interface OldForm {
  words: string[];
  entry?: string;
}

export interface OldCommand {
  entry: string;
  /** What a good answer shows; `ok` where absent. */
  answer?: "ok" | "text";
  trusted?: boolean;
  /** Old names of parameters, before those of all commands. */
  names?: Record<string, string>;
  forms?: OldForm[];
}

/** A failure that fits every part that is given has that status. */
export interface OldStatus {
  class?: string;
  entry?: string;
  /** The caller was named by a PIN alone. */
  pincode?: boolean;
  /** The parameter that was wrong. */
  parameter?: string[];
  status: number;
}

interface OldTable {
  names: Record<string, string>;
  words: Record<string, string>;
  commands: Record<string, OldCommand>;
  statuses: OldStatus[];
}

const FILE = new URL("../../../definitions/old-api.yaml", import.meta.url);
const table = parse(readFileSync(FILE, "utf8")) as OldTable;

export const OLD_COMMANDS: ReadonlyMap<string, OldCommand> = new Map(Object.entries(table.commands));
export const OLD_NAMES: ReadonlyMap<string, string> = new Map(Object.entries(table.names));
export const OLD_WORDS: ReadonlyMap<string, RegExp> = new Map(
  Object.entries(table.words).map(([name, pattern]) => [name, new RegExp(pattern)]),
);
export const OLD_STATUSES: readonly OldStatus[] = table.statuses;
