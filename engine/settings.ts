/** The options in force, from the environment and from `tb_settings`, checked and frozen. */
import { parseAddressList } from "./admit/address-list.js";
import { noResult } from "./database/database.js";
import { listItems } from "./list-items.js";
import { OPTIONS, type OptionName, SHOWN_OPTIONS } from "./options.js";
import type { StepResult } from "./registry/entry.js";

type ValueOf<N extends OptionName> = (typeof OPTIONS)[N]["type"] extends "integer"
  ? number
  : (typeof OPTIONS)[N]["type"] extends "flag"
    ? boolean
    : (typeof OPTIONS)[N]["type"] extends "list"
      ? readonly string[]
      : string;

/** Integers and choices: `limitlogin` is a number, `apiv2auth` is one of its words, flags are booleans, lists are arrays. */
export type Settings = { readonly [N in OptionName]: ValueOf<N> };

export interface SettingsStore {
  /** Frozen; another object after a change, so that what is derived from it can be kept by identity. */
  readonly current: Settings;
  /** Reads `tb_settings` again; answers the names that changed. Errors: ApiError "wrong parameter", naming the option. */
  reload(): Promise<OptionName[]>;
  /** Tells the other servers of the database that there is something to be read. */
  announce(): Promise<void>;
  /** True for a text that is the value of a secret option. */
  isSecret(text: unknown): boolean;
}

/** A value of an option as one cell: flags as 1 or 0, lists with commas. */
export const optionCell = (value: Settings[OptionName]): string | number =>
  typeof value === "boolean" ? Number(value) : typeof value === "object" ? value.join(",") : value;

/** The options without the secret ones, as the results of a step: for `{setting.currency}`. */
export const shownSettings = (settings: Settings): StepResult =>
  Object.assign(noResult(), Object.fromEntries(SHOWN_OPTIONS.map((name) => [name, optionCell(settings[name])])));

/** What is set outside of the options: where the database is, where to listen, who the first administrator is. */
export const START_VARIABLES = {
  TBAPI_DB: "Database: sqlite:FILE (default sqlite:data/tbapi.sqlite) or mysql://user:password@host:port/name.",
  TBAPI_HOST: "Address to listen on; default 0.0.0.0.",
  TBAPI_PORT: "The shared port (mainaport); default 80.",
  TBAPI_ADMINPORT: "Port of the console; none where absent, 0 for any that is free.",
  TBAPI_ADMIN_USERNAME: "The first administrator; default admin.",
  TBAPI_ADMIN_PASSWORD: "Password of the first administrator; made and printed once where absent.",
  TBAPI_SEALKEY: "64 hex digits: the key under which passwords are sealed; otherwise TBAPI_SEALKEYFILE.",
  TBAPI_SEALKEYFILE: "File with that key; default data/seal.key, made at the first start.",
  TBAPI_LOGFOLDER:
    "Folder of this server's log files: a new one at 16 MB, the latest 20 old ones are kept; where absent the log goes to standard error.",
  TBAPI_LOGLEVEL: "trace, debug, info, warn, error or silent; default info.",
} as const;

/** Errors: Error whose message names the option and says what it may be. */
export function parseSettings(texts: ReadonlyMap<string, string>): Settings {
  for (const name of texts.keys()) if (!isOption(name)) throw new Error(unknownOption(name));
  const entries = (Object.keys(OPTIONS) as OptionName[]).map((name) => [
    name,
    parseOption(name, texts.get(name) ?? OPTIONS[name].default),
  ]);
  return Object.freeze(Object.fromEntries(entries)) as Settings;
}

/** Errors: Error as of {@link parseSettings}, for one option alone. */
export function checkOption(name: string, text: string): void {
  if (!isOption(name)) throw new Error(unknownOption(name));
  parseOption(name, text);
}

const isOption = (name: string): name is OptionName => Object.hasOwn(OPTIONS, name);
const unknownOption = (name: string) => `unknown option ${name}: see \`tbapi options\` for those that there are`;

function parseOption(name: OptionName, text: string): unknown {
  const spec: { type: string; min?: number; max?: number; choices?: readonly string[] } = OPTIONS[name];
  const wrong = (allowed: string) => new Error(`option ${name} must be ${allowed}, not '${text}'`);
  switch (spec.type) {
    case "integer": {
      const value = /^-?\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
      const { min = 0, max = Number.MAX_SAFE_INTEGER } = spec;
      if (!(value >= min && value <= max)) throw wrong(`a whole number from ${min} to ${max}`);
      return value;
    }
    case "decimal":
      if (!/^\d{1,12}(\.\d{1,6})?$/.test(text)) throw wrong("an amount such as 0.1");
      return text;
    case "flag":
      if (!/^(0|1|true|false|yes|no)$/i.test(text)) throw wrong("0 or 1");
      return /^(1|true|yes)$/i.test(text);
    case "choice":
      if (!spec.choices?.includes(text)) throw wrong(`one of ${spec.choices?.join(", ")}`);
      return text;
    case "list": {
      const items = listItems(text);
      parseAddressList(name, items);
      return Object.freeze(items);
    }
    case "pattern":
      if (!isPattern(text)) throw wrong("a regular expression");
      return text;
    default:
      return text;
  }
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "iu");
    return true;
  } catch {
    return false;
  }
}

/** Options set in the environment, by option name. Errors: Error that names a variable which is neither an option nor known. */
export function settingsOfEnvironment(environment: NodeJS.ProcessEnv): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith("TBAPI_") || variable in START_VARIABLES || value === undefined) continue;
    const name = variable.slice("TBAPI_".length).toLowerCase();
    if (!isOption(name)) throw new Error(`${variable}: ${unknownOption(name)}`);
    texts.set(name, value);
  }
  return texts;
}
