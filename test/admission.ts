/** Admission on a real database, with a clock that a test moves, and requests that want to get in. */
import { after, afterEach, before, beforeEach } from "node:test";
import { type Admission as EngineAdmission, makeAdmission } from "../engine/admit/admit.js";
import { makePasswords } from "../engine/admit/seal.js";
import type { Database } from "../engine/database/database.js";
import { ApiError } from "../engine/errors.js";
import { makeLog } from "../engine/log.js";
import type { AccessRule, Entry } from "../engine/registry/entry.js";
import type { ApiRequest, Caller, Cell, Peer } from "../engine/request.js";
import { StoredSettings } from "../engine/settings-store.js";
import { eachDatabase, openMigrated, restoreSample } from "./databases.js";
import { KEY, SALT } from "./server.js";

const log = makeLog("silent");
export const passwords = makePasswords(Buffer.alloc(32, 7), log);

const USER: AccessRule = {
  key: true,
  ip: false,
  user: 12,
  mode: 0,
  credit: null,
  register: null,
  login: null,
  console: false,
  limit: "common",
};

/** Access looks at no other part of an entry. */
export const entryOf = (access: Partial<AccessRule> = {}): Entry =>
  ({ name: "sample", access: { ...USER, ...access }, callerFields: ["email"] }) as unknown as Entry;

export const NET: Peer = { transport: "http", address: "198.51.100.7", forwarded: false, connection: "1" };
export const LOOP: Peer = { ...NET, address: "127.0.0.1" };

export const request = (params: Record<string, string>, peer: Peer = NET): ApiRequest => ({
  id: "1",
  entry: "sample",
  params: new Map(Object.entries({ authkey: KEY, ...params })),
  positional: [],
  peer,
  format: "text",
});

export const clear = (authid: string, authpwd = `${authid}-sample`) => ({ authid, authpwd });

export const WRONG = "auth failed: wrong user or password";
export const NEW_NONCE = /^new nonce is:([0-9a-f]{32})EOF$/;
export const TOO_MANY = /^too many requests: try again in \d+ seconds$/;

/** What a refusal says, or the name of who was let in. */
export const outcome = async (admitted: Promise<Caller>): Promise<string> =>
  admitted.then(
    (caller) => caller.username,
    (cause: unknown) => (cause instanceof ApiError ? cause.text : Promise.reject(cause)),
  );

/** Refusals are rejections here, whether the engine waited for something or not. */
export interface Admission extends Omit<EngineAdmission, "admit"> {
  admit(...parts: Parameters<EngineAdmission["admit"]>): Promise<Caller>;
}

/** A database with the sample data, fresh for each test, and the servers on it. */
export class Bench {
  database!: Database;
  /** Milliseconds since 1970: the clock of all servers. */
  time = 0;
  #opened: EngineAdmission[] = [];

  async start(address: string): Promise<void> {
    this.database = await openMigrated(address);
  }

  async reset(): Promise<void> {
    await restoreSample(this.database);
    await this.run("delete from tb_settings");
    this.time = Date.now();
  }

  /** One server with options of its environment. */
  async server(options: Record<string, string> = {}, database = this.database): Promise<Admission> {
    const texts = new Map(Object.entries({ apiv2key: KEY, apiv2md5salt: SALT, ...options }));
    return this.serverWith(new StoredSettings(database, texts), database);
  }

  async serverWith(settings: StoredSettings, database = this.database): Promise<Admission> {
    const admission = makeAdmission({ database, settings, passwords, log, now: () => this.time });
    this.#opened.push(admission);
    await admission.refresh();
    return { ...admission, admit: async (request, entry) => admission.admit(request, entry) };
  }

  async stopServers(): Promise<void> {
    for (const admission of this.#opened.splice(0)) await admission.close();
  }

  run(text: string, ...values: (string | number)[]) {
    return this.database.run({ text, values });
  }

  /** The first value of a select. */
  async cell(text: string): Promise<Cell | undefined> {
    return Object.values((await this.run(text)).rows[0] ?? {})[0];
  }
}

/** Defines the same tests for both databases. */
export function eachBench(title: string, define: (bench: Bench) => void): void {
  eachDatabase(title, (fresh) => {
    const bench = new Bench();
    before(async () => bench.start(await fresh()));
    beforeEach(() => bench.reset());
    afterEach(() => bench.stopServers());
    after(() => bench.database.close());
    define(bench);
  });
}
