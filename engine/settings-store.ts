/** Keeps the options in force: `tb_settings` under what the environment says. */
import type { Database, Session } from "./database/database.js";
import { ApiError } from "./errors.js";
import { OPTIONS, type OptionName, OWNER_OPTIONS, SECRET_OPTIONS } from "./options.js";
import { parseSettings, type Settings, type SettingsStore } from "./settings.js";

export class StoredSettings implements SettingsStore {
  readonly #database: Database;
  readonly #environment: ReadonlyMap<string, string>;
  #current: Settings;
  #secrets: ReadonlySet<unknown> = new Set();
  /** What was announced last when the options were read. */
  #seen = 0;

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

  /** The number of the last announcement that this server has heard. */
  get seen(): number {
    return this.#seen;
  }

  async reload(): Promise<OptionName[]> {
    this.#seen = await this.#announced();
    const before = this.#current;
    this.#current = await this.read(this.#database);
    this.#secrets = new Set(SECRET_OPTIONS.map((name) => this.#current[name]).filter((value) => value !== ""));
    return (Object.keys(OPTIONS) as OptionName[]).filter(
      (name) => String(before[name]) !== String(this.#current[name]),
    );
  }

  async announce(): Promise<void> {
    await this.#database.run({ text: "update tb_apigeneration set settings = settings + 1 where id = 1", values: [] });
  }

  /** Reads the options again where another server, or a restore, has announced others; true when it did. Errors: as `reload`. */
  async follow(): Promise<boolean> {
    if ((await this.#announced()) === this.#seen) return false;
    await this.reload();
    return true;
  }

  /** The options as a database has them, under this server's environment. Errors: ApiError "wrong parameter". */
  async read(session: Session): Promise<Settings> {
    const { rows } = await session.run({ text: "select name, val from tb_settings order by id", values: [] });
    const texts = new Map(rows.map((row) => [String(row["name"]).toLowerCase(), String(row["val"] ?? "")]));
    for (const name of OWNER_OPTIONS) if (texts.has(name)) throw ownersOption(name);
    for (const [name, value] of this.#environment) texts.set(name, value);
    return parsed(texts);
  }

  async #announced(): Promise<number> {
    const { rows } = await this.#database.run({
      text: "select settings from tb_apigeneration where id = 1",
      values: [],
    });
    return Number(rows[0]?.["settings"] ?? 0);
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
