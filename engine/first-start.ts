/** What a new installation needs to be safe: a key, a salt and an administrator, made once and told once. */
import { randomBytes } from "node:crypto";
import type { Passwords } from "./contracts.js";
import { type Database, DatabaseError } from "./database/database.js";
import type { SettingsStore } from "./settings.js";

/** What was made by this start, to be printed once. */
export interface Made {
  apiv2key?: string;
  apiv2md5salt?: string;
  admin?: { username: string; password: string };
}

interface Parts {
  database: Database;
  settings: SettingsStore;
  passwords: Passwords;
  environment: NodeJS.ProcessEnv;
}

const random = (): string => randomBytes(12).toString("hex");

/** Makes what is missing; `TBAPI_ADMIN_PASSWORD` sets the administrator's password at each start. */
export async function firstStart(parts: Parts): Promise<Made> {
  const { settings } = parts;
  const made: Made = {};
  for (const name of ["apiv2key", "apiv2md5salt", "deviceid"] as const) {
    if (settings.current[name] !== "") continue;
    const isNew = await storeSetting(parts.database, name, random());
    await settings.reload();
    if (isNew && name !== "deviceid") made[name] = settings.current[name];
  }
  const admin = await ensureAdministrator(parts);
  if (admin !== undefined) made.admin = admin;
  return made;
}

/** False when another server that started at the same time was first. A row that is there but empty stays the owner's choice. */
async function storeSetting(database: Database, name: string, value: string): Promise<boolean> {
  try {
    await database.run({ text: "insert into tb_settings (name, val) values (?, ?)", values: [name, value] });
    return true;
  } catch (cause) {
    if (cause instanceof DatabaseError && cause.kind === "duplicate") return false;
    throw cause;
  }
}

async function ensureAdministrator({ database, passwords, environment }: Parts): Promise<Made["admin"]> {
  const username = environment["TBAPI_ADMIN_USERNAME"] || "admin";
  const given = environment["TBAPI_ADMIN_PASSWORD"] || undefined;
  const { rows } = await database.run({
    text: "select id, username, password from tb_users where (type = 15 and rights = 60) or username = ?",
    values: [username],
  });
  const named = rows.find((row) => String(row["username"]).toLowerCase() === username.toLowerCase());
  if (named !== undefined) {
    if (given === undefined || passwords.matches(String(named["password"] ?? ""), given)) return undefined;
    await database.run({
      text: "update tb_users set password = ?, type = 15, rights = 60, enabled = 1 where id = ?",
      values: [passwords.seal(given), Number(named["id"])],
    });
    return undefined;
  }
  if (rows.length > 0 && given === undefined) return undefined;
  const password = given ?? random();
  await database.run({
    text: "insert into tb_users (type, rights, username, password, name, addedby) values (15, 60, ?, ?, 'Administrator', 0)",
    values: [username, passwords.seal(password)],
  });
  return given === undefined ? { username, password } : undefined;
}
