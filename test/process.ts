/** A server as a process of its own, which a test can kill. */
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Params } from "./server.js";

export interface ServerProcess {
  /** One GET; empty when the server is gone before it has answered. */
  get(entry: string, params: Params): Promise<string>;
  /** What it has written to its log so far. */
  log(): string;
  /** SIGKILL: it ends wherever it is. */
  kill(): Promise<void>;
}

/** `options` are further `TBAPI_` variables. */
export async function startProcess(database: string, options: Params = {}): Promise<ServerProcess> {
  const program = new URL("./bench/serve.js", import.meta.url);
  const words = [database, JSON.stringify({ TBAPI_LOGFOLDER: "", ...options })];
  const child = fork(program, words, { stdio: ["ignore", "inherit", "pipe", "ipc"] });
  const written: Buffer[] = [];
  child.stderr?.on("data", (chunk: Buffer) => written.push(chunk));
  const [port] = (await once(child, "message")) as [number];
  return {
    async get(entry, params) {
      const query = new URLSearchParams({ apientry: entry, ...params });
      return fetch(`http://127.0.0.1:${port}/mvapireq/?${query}`).then(
        (answer) => answer.text(),
        () => "",
      );
    },
    log: () => Buffer.concat(written).toString(),
    async kill() {
      if (child.signalCode !== null || child.exitCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}
