/** The log in files: `main.log`, and those that it was renamed to when it was long enough or somebody wanted a new one. */
import { mkdirSync, readdirSync, renameSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { ApiError } from "./errors.js";
import { type LogStream, logStream } from "./log-stream.js";

/** Bytes after which a new file is begun, and how many of the old ones are kept. */
const LONGEST = 16_777_216;
const KEPT = 20;

const MAIN = "main.log";
const OLD = /^main-[\dT.-]+\.log$/;

export class LogFiles {
  readonly folder: string;
  /** Written at once, so that a line that was logged can be read. */
  readonly stream: LogStream;
  #length: number;

  /** Errors: Error for the owner, where the folder can't be used. */
  constructor(folder: string) {
    this.folder = folder;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o750 });
      this.stream = logStream({ dest: this.#path(MAIN), mode: 0o640 }, ({ message }) =>
        process.stderr.write(`tbapi: the log can't be written: ${message}\n`),
      );
      this.#length = statSync(this.#path(MAIN)).size;
    } catch (cause) {
      throw new Error("TBAPI_LOGFOLDER must be a folder that the server may write to", { cause });
    }
    this.stream.on("write", (bytes: number) => this.#count(bytes));
  }

  /**
   * Begins a new file; gives the name that the one before has now. Errors: ApiError "not found" where somebody else has moved
   * it, after a new one was begun; those of the file system.
   */
  rotate(): string {
    const name = `main-${new Date().toISOString().replaceAll(":", "-").slice(0, -1)}.log`;
    try {
      renameSync(this.#path(MAIN), this.#path(name));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
      throw new ApiError("not found", `${MAIN} was moved by somebody else; a new one is begun`);
    } finally {
      this.stream.reopen();
    }
    this.#length = 0;
    for (const old of this.old().slice(KEPT)) unlinkSync(this.#path(old));
    return name;
  }

  /** Names of the files before `main.log`, the latest first. */
  old(): string[] {
    return readdirSync(this.folder)
      .filter((name) => OLD.test(name))
      .sort()
      .reverse();
  }

  #count(bytes: number): void {
    this.#length += bytes;
    if (this.#length < LONGEST) return;
    this.#length = 0;
    try {
      this.rotate();
    } catch {
      // Somebody else has moved the file, or the disk refuses: no request may fail for that.
    }
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}
