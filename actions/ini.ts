/** Ini files in the server's area, and their keys in tb_inikeys: read from them, or waiting to be written. */
import { isUtf8 } from "node:buffer";
import { Mutex } from "async-mutex";
import type { Action, ActionContext, Input } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import { Folder } from "../engine/files/folder.js";
import { type IniKey, iniKeys, iniValue, isName, withIniValue } from "../engine/files/ini.js";
import { OPTIONS, SHOWN_OPTIONS } from "../engine/options.js";
import type { Row } from "../engine/request.js";

const MOST_FILES = 500;
const MOST_KEYS = 10_000;

/** One change of a file at a time: it is read, changed and written. */
const changing = new Mutex();

/** The ini files of the server's area. */
class IniFiles {
  readonly #folder: Folder;
  readonly #most: number;

  /** Errors: ApiError "not configured". */
  constructor({ services }: ActionContext) {
    const { filesroot, maxfilesize } = services.settings.current;
    if (filesroot === "") throw new ApiError("not configured", "set filesroot to the folder of the ini files");
    this.#folder = new Folder(filesroot);
    this.#most = maxfilesize;
  }

  async read(name: string): Promise<string> {
    const bytes = await this.#folder.read(iniName(name), this.#most);
    return bytes.toString(isUtf8(bytes) ? "utf8" : "latin1");
  }

  write(name: string, text: string): Promise<void> {
    return this.#folder.write(iniName(name), Buffer.from(text));
  }

  /** Sets the values, in a new file where there is none. */
  change(name: string, keys: readonly IniKey[]): Promise<void> {
    return changing.runExclusive(async () => {
      const before = (await this.#folder.has(iniName(name))) ? await this.read(name) : "";
      await this.write(name, keys.reduce(withIniValue, before));
    });
  }

  /** Names of all ini files, those of sub-folders too. */
  async names(folder = ""): Promise<string[]> {
    const names: string[] = [];
    for (const { name, isFolder } of await this.#folder.list(folder)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (isFolder) names.push(...(await this.names(path)));
      else if (INI.test(name)) names.push(path);
      if (names.length > MOST_FILES) throw new ApiError("failed", `there are more than ${MOST_FILES} ini files`);
    }
    return names;
  }
}

const INI = /\.ini$/i;

/** Only ini files, so that nothing else is ever taken for one and written. */
function iniName(name: string): string {
  if (INI.test(name)) return name;
  throw new ApiError("wrong parameter", "file must be the name of an ini file, such as gk/gk.ini");
}

/** The folder in which the file lies, or main. */
const moduleOf = (file: string): string => (file.includes("/") ? (file.split("/")[0] ?? "") : "main");

async function get(input: Input, context: ActionContext) {
  const text = await new IniFiles(context).read(cellText(input["file"]));
  const value = iniValue(text, cellText(input["section"]), cellText(input["key"]));
  if (value === undefined) throw new ApiError("not found", "the file has no such key in this section");
  return { value };
}

async function load(input: Input, context: ActionContext) {
  const files = new IniFiles(context);
  const [module, file] = [cellText(input["module"]), cellText(input["file"])];
  const all = file === "" ? await files.names() : [file];
  const names = all.filter((name) => module === "" || moduleOf(name) === module);
  if (names.length === 0) throw new ApiError("not found", "there is no such ini file");
  let keys = 0;
  for (const name of names) keys += await loadFile(name, await files.read(name), context);
  return { files: names.length, keys };
}

/** What waits to be written stays; the rest becomes what stands in the file. */
function loadFile(file: string, text: string, { services }: ActionContext): Promise<number> {
  const keys = iniKeys(text).filter(({ section, key }) => isName(section) && isName(key));
  if (keys.length > MOST_KEYS) throw new ApiError("failed", `${file} has more than ${MOST_KEYS} keys`);
  return services.database.transaction(async (session) => {
    await session.run({ text: "delete from tb_inikeys where file = ? and saved = 1", values: [file] });
    let loaded = 0;
    for (const { section, key, value } of keys) {
      // Which names are the same is for the database to say.
      const { changed } = await session.run({
        text: `insert into tb_inikeys (module, file, section, inikey, val, saved) select ?, ?, ?, ?, ?, 1 from (select 1 as one) o
          where not exists (select 1 from tb_inikeys where file = ? and section = ? and inikey = ?)`,
        values: [moduleOf(file), file, section, key, value, file, section, key],
      });
      loaded += changed;
    }
    return loaded;
  });
}

async function save(input: Input, context: ActionContext) {
  const files = new IniFiles(context);
  const waiting = await waitingKeys(input, context);
  for (const [file, rows] of waiting) {
    await files.change(file, rows.map(keyOf)).catch((cause: unknown) => {
      throw cause instanceof ApiError ? new ApiError(cause.errorClass, `${file}: ${cause.detail}`) : cause;
    });
    await markSaved(rows, context);
  }
  return { files: waiting.size, keys: [...waiting.values()].flat().length };
}

async function waitingKeys(input: Input, { session }: ActionContext): Promise<Map<string, Row[]>> {
  const [module, file] = [cellText(input["module"]), cellText(input["file"])];
  const { rows } = await session.run({
    text: `select id, file, section, inikey, coalesce(val, '') as val from tb_inikeys
      where saved = 0 and (? = '' or module = ?) and (? = '' or file = ?) order by file, id limit ${MOST_KEYS}`,
    values: [module, module, file, file],
  });
  const waiting = new Map<string, Row[]>();
  for (const row of rows) {
    const name = String(row["file"]);
    waiting.set(name, [...(waiting.get(name) ?? []), row]);
  }
  return waiting;
}

const keyOf = (row: Row): IniKey => ({
  section: String(row["section"]),
  key: String(row["inikey"]),
  value: String(row["val"]),
});

/** A value that was changed again meanwhile still waits. */
const markSaved = (rows: readonly Row[], { services }: ActionContext): Promise<void> =>
  services.database.transaction(async (session) => {
    for (const { id, val } of rows)
      await session.run({
        text: "update tb_inikeys set saved = 1 where id = ? and coalesce(val, '') = ?",
        values: [id ?? 0, val ?? ""],
      });
  });

/** The options that tb_settings sets to something else than their default; the secret ones stay where they are. */
async function exportSettings(input: Input, context: ActionContext) {
  const { rows } = await context.session.run({ text: "select name, val from tb_settings order by name", values: [] });
  const set = new Map(rows.map((row) => [cellText(row["name"]).toLowerCase(), cellText(row["val"])]));
  const keys = SHOWN_OPTIONS.filter((name) => (set.get(name) ?? OPTIONS[name].default) !== OPTIONS[name].default).map(
    (name): IniKey => ({ section: "settings", key: name, value: set.get(name) ?? "" }),
  );
  const file = cellText(input["file"]);
  const head = "; Made by savesettings: the options that are not at their defaults.\n";
  await changing.runExclusive(() => new IniFiles(context).write(file, keys.reduce(withIniValue, head)));
  return { settings: keys.length, file };
}

const FILE = "An ini file in the server's area.";
const WHICH = { "module?": "The folder in which files lie, or main; all where it is left out.", "file?": "One file." };

const ini: Action = {
  name: "ini",
  operations: {
    get: {
      summary: "The value of a key in an ini file.",
      input: { file: FILE, section: "Its section.", key: "Its name." },
      transactional: false,
      run: get,
    },
    set: {
      summary: "Sets a key in an ini file, which is made where there is none; comments stay.",
      input: {
        file: FILE,
        section: "Its section.",
        key: "Its name.",
        "value?": "One line; empty where it is left out.",
      },
      transactional: false,
      async run(input, context) {
        const [section, key] = [cellText(input["section"]), cellText(input["key"])];
        await new IniFiles(context).change(cellText(input["file"]), [
          { section, key, value: cellText(input["value"]) },
        ]);
        return {};
      },
    },
    load: { summary: "Reads ini files into tb_inikeys.", input: WHICH, transactional: false, run: load },
    save: {
      summary: "Writes the keys of tb_inikeys that are not saved yet to their files.",
      input: WHICH,
      transactional: false,
      run: save,
    },
    settings: {
      summary: "Writes the options that are not at their defaults to an ini file, without the secret ones.",
      input: { file: FILE },
      transactional: false,
      run: exportSettings,
    },
  },
};

export default ini;
