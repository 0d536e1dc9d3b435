/** Servers as processes of their own, so that whoever measures takes nothing of their time. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { as } from "../server.js";

export interface Served {
  process: ChildProcess;
  port: number;
}

/** `program` stands beside this file and tells its port to its parent. */
export async function serve(program: string, ...words: string[]): Promise<Served> {
  const child = fork(new URL(program, import.meta.url), words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [port] = (await once(child, "message")) as [number];
  return { process: child, port };
}

export async function stop({ process: child }: Served): Promise<void> {
  child.kill("SIGTERM");
  await once(child, "exit");
}

/** The address of a request of a user of the sample data. */
export function urlOf({ port }: Pick<Served, "port">, entry: string, user: string, more = {}): string {
  const query = new URLSearchParams({ apientry: entry, ...as(user, more) });
  return `http://127.0.0.1:${port}/mvapireq/?${query}`;
}

/** One such request; the answer's text. */
export const request = async (server: Served, entry: string, user: string, more = {}): Promise<string> =>
  (await fetch(urlOf(server, entry, user, more))).text();
