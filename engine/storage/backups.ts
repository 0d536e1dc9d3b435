/** The folder of backups. A backup is a file of data and a manifest beside it that tells what it is. */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ApiError } from "../errors.js";
import { VERSION } from "../status.js";
import type { Copier } from "./copier.js";

const PROJECT = "tbapi";
const MANIFEST = ".json";
/** Of a file that is not whole yet, or that helps with one. */
const PART = /^\.[\w-]+\.part/;
/** Milliseconds after which nobody writes a part any more: its server died. */
const PART_AGE = 86_400_000;
const NAME = /^[A-Za-z0-9][\w.-]{0,99}$/;
/** Names that an answer lists. */
const LISTED = 10;

interface Manifest {
  project: string;
  version: string;
  /** Name of the last migration. */
  migration: string;
  dialect: Copier["dialect"];
  /** ISO, UTC. */
  made: string;
  file: string;
  bytes: number;
  sha256: string;
}

export interface Backup extends Manifest {
  name: string;
}

type Dumped = Pick<Copier, "dialect" | "ending" | "dump">;

export class Backups {
  readonly #folder: () => string;

  /** `folder`: the option `backuproot`. */
  constructor(folder: () => string) {
    this.#folder = folder;
  }

  /** Makes a backup whole or not at all. Errors: ApiError "wrong parameter", "conflict", "not configured" and the copier's. */
  async make(name: string, { dialect, ending, dump }: Dumped, migration: string): Promise<Backup> {
    if (!NAME.test(name))
      throw new ApiError("wrong parameter", "path must be a name of letters, digits, _ . and -, not a path");
    const folder = await this.#ready();
    if ((await readdir(folder)).includes(name + MANIFEST))
      throw new ApiError("conflict", "a backup of this name is there already");
    const file = name + ending;
    await removeOldParts(folder);
    const part = join(folder, `.${randomUUID()}.part`);
    try {
      await dump(part);
      await flush(part);
      const about = { version: VERSION, migration, dialect, made: new Date().toISOString(), file };
      const measured = { bytes: (await stat(part)).size, sha256: await checksum(part) };
      const manifest: Manifest = { project: PROJECT, ...about, ...measured };
      await rename(part, join(folder, file));
      await writeFile(part, `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 });
      await flush(part);
      await rename(part, join(folder, name + MANIFEST));
      return { name, ...manifest };
    } finally {
      await rm(part, { force: true });
    }
  }

  /** A copy for the time of `use`, without a manifest. */
  async passing<T>(copier: Copier, use: (file: string) => Promise<T>): Promise<T> {
    const part = join(await this.#ready(), `.${randomUUID()}.part`);
    try {
      await copier.dump(part);
      return await use(part);
    } finally {
      await rm(part, { force: true });
    }
  }

  /** The newest first. What is no backup of this project is left out. */
  async list(): Promise<Backup[]> {
    const folder = await this.#ready();
    const names = (await readdir(folder)).filter((file) => file.endsWith(MANIFEST)).map((file) => file.slice(0, -5));
    const found = await Promise.all(names.map((name) => readManifest(folder, name)));
    return found.filter((backup) => backup !== undefined).sort((one, other) => (one.made < other.made ? 1 : -1));
  }

  /** The path of a backup's data, after they were held against the checksum. Errors: ApiError "not found", "failed". */
  async verified(name: string, dialect: Copier["dialect"]): Promise<{ backup: Backup; path: string }> {
    const backup = (await this.list()).find((one) => one.name === name);
    if (backup === undefined) throw new ApiError("not found", await this.#missing());
    if (backup.dialect !== dialect)
      throw new ApiError("conflict", `this is a backup of ${backup.dialect}, the database is ${dialect}`);
    const path = join(this.#folder(), backup.file);
    const sum = await checksum(path).catch(() => undefined);
    if (sum !== backup.sha256)
      throw new ApiError("failed", "the file of this backup is damaged: it does not fit its checksum");
    return { backup, path };
  }

  /** Removes the oldest backups beyond so many; 0 keeps all. */
  async retain(count: number): Promise<string[]> {
    if (count === 0) return [];
    const folder = this.#folder();
    const gone = (await this.list()).slice(count);
    for (const { name, file } of gone) {
      await rm(join(folder, name + MANIFEST), { force: true });
      await rm(join(folder, file), { force: true });
    }
    return gone.map(({ name }) => name);
  }

  async #ready(): Promise<string> {
    const folder = this.#folder();
    if (folder === "") throw new ApiError("not configured", "set backuproot to the folder for backups");
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
      throw new ApiError("not configured", "the folder of backuproot can't be made", { cause });
    });
    return folder;
  }

  async #missing(): Promise<string> {
    const names = (await this.list()).slice(0, LISTED).map(({ name }) => name);
    return names.length === 0
      ? "there is no backup of this project in backuproot"
      : `no backup of this project has this name; the newest are ${names.join(", ")}`;
  }
}

async function removeOldParts(folder: string): Promise<void> {
  for (const file of (await readdir(folder)).filter((name) => PART.test(name))) {
    const path = join(folder, file);
    const age = Date.now() - (await stat(path).then(({ mtimeMs }) => mtimeMs, Date.now));
    if (age > PART_AGE) await rm(path, { force: true });
  }
}

/** undefined for a file that is no manifest of this project's. */
async function readManifest(folder: string, name: string): Promise<Backup | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, name + MANIFEST), "utf8")) as Manifest;
    const mine = manifest.project === PROJECT && [".sqlite", ".sql.gz"].some((end) => manifest.file === name + end);
    return mine ? { ...manifest, name } : undefined;
  } catch {
    return undefined;
  }
}

async function checksum(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** To the disk: a backup that a power cut takes is none. */
async function flush(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.sync().finally(() => file.close());
}
