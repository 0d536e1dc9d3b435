/** Keeps the options in force: `tb_settings` under what the environment says. */
import type { Database } from "./database/database.js";
import { ApiError } from "./errors.js";
import { OPTIONS, type OptionName, OWNER_OPTIONS, SECRET_OPTIONS } from "./options.js";
import { parseSettings, type Settings, type SettingsStore } from "./settings.js";

export class StoredSettings implements SettingsStore {
  readonly #database: Database;
  readonly #environment: ReadonlyMap<string, string>;
  #current: Settings;
  #secrets: ReadonlySet<unknown> = new Set();

  /** `environment` holds the options of the environment by name. */
  constructor(database: Database, environment: ReadonlyMap<string, string>) {
    this.#database = database;
    this.#environment = environment;
    this.#current = parseSettings(environment);
  }

  get current(): Settings {
    return this.#current;
  }

  isSecret(text: unknown): boolean {
    return this.#secrets.has(text);
  }

  async reload(): Promise<OptionName[]> {
    const { rows } = await this.#database.run({ text: "select name, val from tb_settings order by id", values: [] });
    const texts = new Map(rows.map((row) => [String(row["name"]).toLowerCase(), String(row["val"] ?? "")]));
    for (const name of OWNER_OPTIONS) if (texts.has(name)) throw ownersOption(name);
    for (const [name, value] of this.#environment) texts.set(name, value);
    const before = this.#current;
    this.#current = parsed(texts);
    this.#secrets = new Set(SECRET_OPTIONS.map((name) => this.#current[name]).filter((value) => value !== ""));
    return (Object.keys(OPTIONS) as OptionName[]).filter(
      (name) => String(before[name]) !== String(this.#current[name]),
    );
  }
}

const ownersOption = (name: string) =>
  new ApiError(
    "wrong parameter",
    `tb_settings: option ${name} is taken from the environment alone: remove the row, and set TBAPI_${name.toUpperCase()}`,
  );

/** Nothing changes when one option is wrong. */
function parsed(texts: ReadonlyMap<string, string>): Settings {
  try {
    return parseSettings(texts);
  } catch (cause) {
    throw new ApiError("wrong parameter", `tb_settings: ${(cause as Error).message}`, { cause });
  }
}
