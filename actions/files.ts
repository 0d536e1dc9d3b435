/** Files that callers send and ask for: the server's own area, and the public storage, in which each file has an owner. */
import type { Action, ActionContext, Input } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import { contentOf } from "../engine/files/content.js";
import { Folder } from "../engine/files/folder.js";
import { claim, restore } from "../engine/files/owners.js";
import type { Settings } from "../engine/settings.js";

const AREAS = { server: "filesroot", public: "filestorage" } as const satisfies Record<string, keyof Settings>;
type Area = keyof typeof AREAS;

/** The folder of an area. Errors: ApiError "not configured" where its option is empty. */
function folderOf(area: Area, { services }: ActionContext): Folder {
  const option = AREAS[area];
  const root = services.settings.current[option];
  if (root === "") throw new ApiError("not configured", `set ${option} to the folder of these files`);
  return new Folder(root);
}

const areaOf = (input: Input): Area => {
  const area = cellText(input["area"]);
  if (area in AREAS) return area as Area;
  throw new Error(`no area of files is called '${area}'`);
};

/** Base64 to the letter: the standard signs, padded, nothing else. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") === text) return bytes;
  throw new ApiError("wrong parameter", "filedata must be base64; in an address + is written %2B");
}

async function read(input: Input, context: ActionContext) {
  const folder = folderOf(areaOf(input), context);
  const name = cellText(input["name"]);
  const { handle, size } = await folder.open(name);
  await handle.close();
  return { content: contentOf(folder, name), name, size };
}

async function write(input: Input, context: ActionContext) {
  const area = areaOf(input);
  const folder = folderOf(area, context);
  const name = cellText(input["name"]);
  const data = bytesOf(cellText(input["data"]));
  const { maxfilesize } = context.services.settings.current;
  if (data.length > maxfilesize)
    throw new ApiError("wrong parameter", `a file may have ${maxfilesize} bytes at most (maxfilesize)`);
  if (area === "public") await writeOwned(folder, name, data, context);
  else await folder.write(name, data);
  return { name, size: data.length };
}

async function writeOwned(folder: Folder, name: string, data: Buffer, { services, caller }: ActionContext) {
  const { database, settings } = services;
  const isThere = await folder.has(name);
  const quota = settings.current.filestoragequota;
  const before = await claim(database, { name, size: data.length, caller, quota, isThere });
  try {
    await folder.write(name, data);
  } catch (cause) {
    await restore(database, name, before);
    throw cause;
  }
}

const AREA = "server, or public for the public storage.";

const files: Action = {
  name: "files",
  operations: {
    read: {
      summary: "Finds a file; the entry answers it with `content:`.",
      input: { area: AREA, name: "Relative to the area's folder." },
      transactional: false,
      run: read,
    },
    write: {
      summary: "Makes or replaces a file, whole or not at all; in the public storage it becomes the caller's.",
      input: { area: AREA, name: "Relative to the area's folder.", data: "The bytes as base64." },
      transactional: false,
      run: write,
    },
  },
};

export default files;
