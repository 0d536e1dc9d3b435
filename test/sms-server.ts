/** What the tests of SMS have in common: options of a running server, and looks at what became of messages. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { Row } from "../engine/request.js";
import { restoreSample } from "./databases.js";
import { ADMIN, as, type TestServer } from "./server.js";

export const SECRET = "sms-secret";

/** Puts options into force that are known only once the server runs. */
export async function setOptions(server: TestServer, options: Readonly<Record<string, string>>): Promise<void> {
  const { database, settings } = server.engine.services;
  for (const [name, value] of Object.entries(options)) {
    await database.run({ text: "delete from tb_settings where name = ?", values: [name] });
    await database.run({ text: "insert into tb_settings (name, val) values (?, ?)", values: [name, value] });
  }
  await settings.reload();
}

export async function rowsOf(server: TestServer, text: string, values: (string | number)[] = []): Promise<Row[]> {
  return (await server.engine.services.database.run({ text, values })).rows;
}

/** Resolves with the first value that is neither undefined nor false. */
export async function until<T>(look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await pause(20);
  }
}

/** Nothing of the outbox waits any more. */
export const settled = (server: TestServer): Promise<true> =>
  until(async () => (await server.engine.services.outbox.counts()).waiting === 0 || undefined) as Promise<true>;

/** `id: 12` of a good answer. */
export function idOf(answer: string): number {
  assert.match(answer, /^OK: .*\bid: \d+/);
  return Number(/\bid: (\d+)/.exec(answer)?.[1]);
}

export const statusOf = async (server: TestServer, id: number): Promise<string> =>
  String((await rowsOf(server, "select status from tb_sms where id = ?", [id]))[0]?.["status"]);

export const creditOf = async (server: TestServer, name: string): Promise<string> =>
  String((await rowsOf(server, "select credit from tb_users where username = ?", [name]))[0]?.["credit"]);

/** The sample data as it was, once nothing of the last test is on its way any more. */
export async function restored(server: TestServer): Promise<void> {
  await settled(server);
  const { database, rates } = server.engine.services;
  await restoreSample(database, [ADMIN.username]);
  // The price list may have been read while its tables were empty.
  await rates.refresh(true);
}

/** Every credit is the sum of its ledger. */
export async function assertProvable(server: TestServer): Promise<void> {
  assert.match(await server.get("checkcredits", as(ADMIN.username)), /^OK: 0 rows/);
}
