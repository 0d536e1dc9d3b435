/** A server as its owner runs it: `tbapi start` in a process of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ADMIN, as, KEY, type Params, SALT, SEAL_KEY } from "./server.js";

export interface ServerProcess {
  /** One GET as the administrator. */
  get(entry: string, params?: Params): Promise<string>;
  /** Exit code and signal. */
  ended: Promise<unknown>;
  stop(): Promise<void>;
}

/** `options` are further variables of the environment. */
export async function spawnServer(database: string, options: Params): Promise<ServerProcess> {
  const env = {
    ...process.env,
    TBAPI_DB: database,
    TBAPI_HOST: "127.0.0.1",
    TBAPI_PORT: "0",
    TBAPI_SEALKEY: SEAL_KEY,
    TBAPI_APIV2KEY: KEY,
    TBAPI_APIV2MD5SALT: SALT,
    TBAPI_ADMIN_PASSWORD: ADMIN.password,
    TBAPI_LOGLEVEL: "silent",
    ...options,
  };
  const main = fileURLToPath(new URL("../engine/main.js", import.meta.url));
  const child = spawn(process.execPath, [main, "start"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  let port = "";
  for await (const line of createInterface({ input: child.stdout })) {
    port = /listens on port (\d+)/.exec(line)?.[1] ?? "";
    if (port !== "") break;
  }
  return {
    async get(entry, params = {}) {
      const query = new URLSearchParams({ apientry: entry, ...as(ADMIN.username), ...params });
      return (await fetch(`http://127.0.0.1:${port}/mvapireq/?${query}`)).text();
    },
    ended,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
