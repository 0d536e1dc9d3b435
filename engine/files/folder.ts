/**
 * A folder whose files callers name. Each part of a name is opened below the part before it, by its open handle and without
 * following a link, so that nothing that is changed meanwhile leads out of the folder.
 */
import { randomUUID } from "node:crypto";
import { constants, existsSync } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { ApiError } from "../errors.js";
import { partsOf } from "./names.js";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Nobody but the owner and the group reads, and nothing can be executed. */
const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;

export interface OpenFile {
  /** To be closed by whoever opened the file. */
  handle: FileHandle;
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970. */
  modified: number;
}

/** What a caller named, or parts that were made by `partOf` and are not looked at again. */
export type FileName = string | readonly string[];

export class Folder {
  readonly #root: string;

  /** `root`: a path of the owner's; it is made when something is written. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Opens a file to be read. Errors: ApiError "wrong parameter" for the name, "not found". */
  async open(name: FileName): Promise<OpenFile> {
    const parts = typeof name === "string" ? partsOf(name) : [...name];
    const last = parts.pop() ?? "";
    return this.#within(parts, false, async (folder) => {
      // Without waiting, since a named pipe would have us wait for its other end.
      const handle = await open(below(folder, last), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const stats = await handle.stat().catch(closing(handle));
      if (!stats.isFile()) return closing(handle)(notFound());
      return { handle, size: stats.size, modified: stats.mtimeMs };
    });
  }

  /** As `open`; undefined where there is no such file. */
  find(name: FileName): Promise<OpenFile | undefined> {
    return this.open(name).catch((cause: unknown) => {
      if (cause instanceof ApiError && cause.errorClass === "not found") return undefined;
      throw cause;
    });
  }

  /** Whether there is such a file. Errors: ApiError "wrong parameter" for the name. */
  async has(name: FileName): Promise<boolean> {
    const file = await this.find(name);
    await file?.handle.close();
    return file !== undefined;
  }

  /** Reads a file as a whole. Errors: ApiError "failed" where it is longer than `most` bytes, and those of `open`. */
  async read(name: string, most: number): Promise<Buffer> {
    const { handle, size } = await this.open(name);
    try {
      if (size > most) throw new ApiError("failed", `the file is longer than ${most} bytes (maxfilesize)`);
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(size), 0, size, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }

  /**
   * Makes or replaces a file, and the folders on the way to it: at any moment the file is the old one or the new one.
   * Errors: ApiError "wrong parameter" for the name, "conflict" where a folder or a link has it.
   */
  async write(name: string, data: Buffer): Promise<void> {
    const parts = partsOf(name);
    const last = parts.pop() ?? "";
    await this.#within(parts, true, async (folder) => {
      await refuseOthers(below(folder, last));
      const temporary = below(folder, `.${randomUUID()}`);
      try {
        await writeNew(temporary, data);
        await rename(temporary, below(folder, last));
      } catch (cause) {
        await unlink(temporary).catch(() => undefined);
        throw cause;
      }
      await folder.sync();
    });
  }

  /** What lies in a sub-folder, or in the folder itself for an empty name; dot files and links are left out. */
  async list(name = ""): Promise<{ name: string; isFolder: boolean }[]> {
    const parts = name === "" ? [] : partsOf(name);
    const entries = await this.#within(parts, false, (folder) => readdir(below(folder, "."), { withFileTypes: true }));
    return entries
      .filter((entry) => !entry.name.startsWith(".") && (entry.isFile() || entry.isDirectory()))
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Does `work` with the folder at the end of the parts; `make`: those that lack are made. */
  async #within<T>(parts: readonly string[], make: boolean, work: (folder: FileHandle) => Promise<T>): Promise<T> {
    if (!existsSync(HANDLES))
      throw new ApiError("not available", "files are served where the system has /proc: on Linux");
    try {
      if (make) await mkdir(this.#root, { recursive: true, mode: FOLDER_MODE });
      let folder = await open(this.#root, O_RDONLY | O_DIRECTORY);
      try {
        for (const part of parts) {
          const next = await step(folder, part, make);
          await folder.close();
          folder = next;
        }
        return await work(folder);
      } finally {
        await folder.close();
      }
    } catch (cause) {
      throw spoken(cause);
    }
  }
}

const HANDLES = "/proc/self/fd";

/** A name within an open folder, whatever the folder's path has become. */
const below = (folder: FileHandle, part: string): string => `${HANDLES}/${folder.fd}/${part}`;

async function step(folder: FileHandle, part: string, make: boolean): Promise<FileHandle> {
  const path = below(folder, part);
  const enter = () => open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  return enter().catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT" || !make) throw cause;
    await mkdir(path, { mode: FOLDER_MODE }).catch((why: NodeJS.ErrnoException) => {
      if (why.code !== "EEXIST") throw why;
    });
    return enter();
  });
}

async function writeNew(path: string, data: Buffer): Promise<void> {
  const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function refuseOthers(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats !== undefined && !stats.isFile()) throw taken();
}

const closing =
  (handle: FileHandle) =>
  async (cause: unknown): Promise<never> => {
    await handle.close();
    throw cause;
  };

const notFound = () => new ApiError("not found", "there is no such file");
const taken = () => new ApiError("conflict", "something that is no file has this name");

/** What the system says in words for the caller; anything else is a fault of the server. */
function spoken(cause: unknown): unknown {
  switch ((cause as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ELOOP":
    case "ENOTDIR":
      return notFound();
    case "EISDIR":
      return taken();
    case "ENOSPC":
    case "EDQUOT":
      return new ApiError("failed", "the disk is full", { cause });
    default:
      return cause;
  }
}
