/** A real server on a free port, and requests to it as integrators send them. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSample } from "../engine/database/sample.js";
import { type Engine, openEngine } from "../engine/engine.js";
import { type RunningServer, startServer } from "../engine/server.js";

export const KEY = "test-key";
export const SALT = "test-salt";
export const ADMIN = { username: "admin", password: "admin-sample" };
/** Of the tests only; 64 hex digits. */
export const SEAL_KEY = "5e".repeat(32);

export type Params = Readonly<Record<string, string>>;

export interface TestServer {
  engine: Engine;
  running: RunningServer;
  /** Temporary; the files of the server are below it. */
  folder: string;
  /** `http://127.0.0.1:PORT` */
  url: string;
  /** One GET; the body as text. */
  get(entry: string, params?: Params): Promise<string>;
  /** The same in JSON, parsed. */
  json(
    entry: string,
    params?: Params,
  ): Promise<{ code: number; status: string; text: string; rows?: Record<string, unknown>[] }>;
  /** Once, however often it is called. */
  stop(): Promise<void>;
}

export const md5 = (text: string): string => createHash("md5").update(text, "utf8").digest("hex");

/** What signs a request as a user of the sample data, or as the administrator. */
export function as(username: string, extra: Params = {}, password = `${username}-sample`): Params {
  const authsalt1 = randomBytes(4).toString("hex");
  return {
    authkey: KEY,
    authid: username,
    authsalt1,
    authmd5: md5(`ck5Gp${username}${password}${SALT}${authsalt1}`),
    ...extra,
  };
}

/** A v3 digest over the whole nonce, of which so many characters are sent; without the key. */
export const withNonce = (name: string, nonce: string, sent = 10): Params => ({
  authid: name,
  authsalt1: "a",
  authsalt2: "b",
  nonce: nonce.slice(0, sent),
  authmd5: `authv3_${md5(`${md5(`tU29m${name}${name}-samplea`)}b${SALT}${nonce}`)}`,
});

/** Starts a server on an empty or prepared database with the sample data in it; `options` are further `TBAPI_` variables. */
export async function startTestServer(database: string, options: Params = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), "tbapi-server-"));
  const environment = {
    TBAPI_FILESROOT: join(folder, "files"),
    TBAPI_RECORDINGSROOT: join(folder, "files", "recordings"),
    TBAPI_FILESTORAGE: join(folder, "storage"),
    TBAPI_DB: database,
    TBAPI_HOST: "127.0.0.1",
    TBAPI_PORT: "0",
    TBAPI_ADMINPORT: "0",
    TBAPI_SEALKEY: SEAL_KEY,
    TBAPI_APIV2KEY: KEY,
    TBAPI_APIV2MD5SALT: SALT,
    TBAPI_ADMIN_USERNAME: ADMIN.username,
    TBAPI_ADMIN_PASSWORD: ADMIN.password,
    TBAPI_LOGFOLDER: join(folder, "log"),
    TBAPI_LOGLEVEL: "info",
    // Tests run tasks when they want them
    TBAPI_SCHEDULER: "0",
    TBAPI_BACKUPROOT: join(folder, "backup"),
    TBAPI_DB2: `${database}_second`,
    ...options,
  };
  const engine = await openEngine(environment);
  await loadSample(engine.services.database);
  await engine.services.rates.refresh(true);
  const running = await startServer(engine, environment);
  const url = `http://127.0.0.1:${running.ports.port}`;
  const get = async (entry: string, params: Params = {}) => {
    const query = new URLSearchParams({ apientry: entry, ...params });
    return (await fetch(`${url}/mvapireq/?${query}`)).text();
  };
  const json = async (entry: string, params: Params = {}) =>
    JSON.parse(await get(entry, { format: "json", ...params }));
  const close = async () => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  };
  let closed: Promise<void> | undefined;
  const stop = () => {
    closed ??= close();
    return closed;
  };
  return { engine, running, folder, url, get, json, stop };
}
