/** Programs of the machine: started with words, never through a shell, for so long and with so much output. */
import type { Readable } from "node:stream";
import { execa } from "execa";
import { split } from "shlex";
import { ApiError } from "../errors.js";
import type { Cell } from "../request.js";

export interface CommandLimits {
  /** Seconds. */
  timeout: number;
  /** Ends the program when it is aborted. */
  signal?: AbortSignal;
}
export interface CommandEnd {
  /** undefined when a signal ended it. */
  exitCode: number | undefined;
  /** What it wrote, to standard output or standard error, cut off at {@link MOST_OUTPUT}. */
  output: string;
  /** In words: `exit code 0`. */
  text: string;
}

const MOST_OUTPUT = 65_536;
/** Milliseconds after the end of a program in which what it wrote last is read. */
const REST_OF_OUTPUT = 200;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Runs a program and waits for its end. It inherits nothing of the server's environment, where secrets are.
 * Errors: ApiError "failed" when it can't be started, takes too long, or has to stop with the server.
 */
export async function runProgram(
  program: string,
  words: readonly string[],
  limits: CommandLimits,
): Promise<CommandEnd> {
  if (words.some((word) => word.includes("\0")))
    throw new ApiError("wrong parameter", "a word of a command can't hold a NUL");
  const child = execa(program, words, {
    reject: false,
    extendEnv: false,
    env: { PATH, LANG: "C.UTF-8" },
    cwd: "/",
    stdin: "ignore",
    all: true,
    maxBuffer: MOST_OUTPUT,
    // A group of its own, so that what it started can be ended with it.
    detached: true,
    cleanup: false,
  });
  child.once("exit", () => void setTimeout(() => closeOutput(child), REST_OF_OUTPUT));
  const ended = endInTime(child, limits);
  try {
    const result = await child;
    if (ended.reason !== undefined) throw new ApiError("failed", `${program} was ended: ${ended.reason}`);
    if (result.isMaxBuffer) endGroup(child.pid);
    else if (result.exitCode === undefined && result.signal === undefined) throw notStarted(program, result.code);
    return { exitCode: result.exitCode, output: String(result.all ?? "").trimEnd(), text: endText(result) };
  } finally {
    ended.stop();
  }
}

const notStarted = (program: string, code: string | undefined): ApiError =>
  new ApiError(
    "failed",
    `${program} can't be started: ${code === "ENOENT" ? "there is no such program" : "it may not be run"}`,
  );

function endText({
  exitCode,
  signal,
  isMaxBuffer,
}: {
  exitCode?: number;
  signal?: string;
  isMaxBuffer: boolean;
}): string {
  if (isMaxBuffer) return `ended, since it wrote more than ${MOST_OUTPUT} bytes`;
  return exitCode === undefined ? `ended by ${signal}` : `exit code ${exitCode}`;
}

/** Ends the whole group when the time is over or the server stops. */
function endInTime(child: { pid?: number | undefined }, { timeout, signal }: CommandLimits) {
  const state: { reason: string | undefined; stop: () => void } = { reason: undefined, stop: () => undefined };
  const end = (reason: string) => {
    state.reason ??= reason;
    endGroup(child.pid);
  };
  const timer = setTimeout(() => end(`it took longer than ${timeout} seconds`), timeout * 1_000);
  const abort = () => end("the server stops");
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  state.stop = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
  return state;
}

/** A service that the program has started goes on, and holds the output open. */
function closeOutput({ stdout, stderr }: { stdout: Readable; stderr: Readable }): void {
  stdout.destroy();
  stderr.destroy();
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** The words of a command line. Errors: ApiError "wrong parameter". */
export function wordsOf(line: string): string[] {
  let words: string[];
  try {
    words = split(line);
  } catch {
    throw new ApiError("wrong parameter", "a quote of the command line is not closed");
  }
  if (words[0] === undefined || words[0] === "") throw new ApiError("wrong parameter", "the command line is empty");
  return words;
}

/** Puts a value into the place of each `{name}`. Errors: ApiError "wrong parameter" for a value that would be an option. */
export function filled(words: readonly string[], values: Readonly<Record<string, Cell | undefined>>): string[] {
  return words.map((word) => {
    const text = word.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name.toLowerCase()] ?? ""));
    return word.startsWith("{") ? argument(text) : text;
  });
}

/** A value that stands at the beginning of a word. Errors: ApiError "wrong parameter" where a program could take it for an option. */
export function argument(value: string): string {
  if (value.startsWith("-")) throw new ApiError("wrong parameter", "a value for a command can't begin with '-'");
  return value;
}
