/** Passwords and PINs at rest: sealed with AES-256-GCM, since the digests of clients need them in clear. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Passwords } from "../contracts.js";
import type { Log } from "../log.js";
import { sameText } from "../same-text.js";

export const PREFIX = "sealed1:";

/** Puts a sealed text in place of a clear one, unless it is another one meanwhile. */
export const SEAL_STATEMENTS = {
  password: "update tb_users set password = ? where id = ? and password = ?",
  pin: "update tb_users set pin = ?, pinhash = ? where id = ? and pin = ?",
};
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Opening costs more than all else that a login does, so that many opened passwords are kept; the key is in memory as well. */
const OPENED_KEPT = 10_000;

/** `key` has 32 bytes. A text that was sealed under another key is told to `log`, once. */
export function makePasswords(key: Buffer, log?: Log): Passwords {
  const pinKey = Buffer.from(hkdfSync("sha256", key, "", "tbapi pin", KEY_BYTES));
  const opened = new Map<string, string>();
  let told = false;

  const open = (stored: string): string | undefined => {
    if (!isSealed(stored)) return stored;
    const known = opened.get(stored);
    if (known !== undefined) return known;
    const clear = decipher(key, stored);
    if (clear === undefined) {
      if (!told)
        log?.error({ event: "seal" }, "a sealed password can't be opened: was it sealed under another TBAPI_SEALKEY?");
      told = true;
      return undefined;
    }
    if (opened.size >= OPENED_KEPT) opened.clear();
    opened.set(stored, clear);
    return clear;
  };

  return {
    seal: (clear) => encipher(key, clear),
    open,
    isSealed,
    matches: (stored, clear) => {
      const right = open(stored);
      return sameText(clear, right ?? "") && right !== undefined && right !== "";
    },
    get kept() {
      return opened.size;
    },
    forget: () => opened.clear(),
    pinHash: (pin) => createHmac("sha256", pinKey).update(pin, "utf8").digest("hex"),
  };
}

const isSealed = (stored: string): boolean => stored.startsWith(PREFIX);

function encipher(key: Buffer, clear: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const body = Buffer.concat([cipher.update(clear, "utf8"), cipher.final()]);
  return PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64url");
}

function decipher(key: Buffer, stored: string): string | undefined {
  const raw = Buffer.from(stored.slice(PREFIX.length), "base64url");
  const bodyStart = NONCE_BYTES + TAG_BYTES;
  if (raw.length < bodyStart) return undefined;
  const decipherer = createDecipheriv("aes-256-gcm", key, raw.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipherer.setAuthTag(raw.subarray(NONCE_BYTES, bodyStart));
  try {
    return decipherer.update(raw.subarray(bodyStart), undefined, "utf8") + decipherer.final("utf8");
  } catch {
    return undefined;
  }
}

/**
 * The key under which passwords are sealed: `TBAPI_SEALKEY`, or the file `TBAPI_SEALKEYFILE`, which is made where it is missing.
 * Errors: Error that names the variable or the file.
 */
export function loadSealKey(environment: NodeJS.ProcessEnv, log: Log): Buffer {
  const given = environment["TBAPI_SEALKEY"];
  if (given !== undefined) return parseKey(given, "TBAPI_SEALKEY");
  const file = environment["TBAPI_SEALKEYFILE"] ?? "data/seal.key";
  const made = makeKeyFile(file);
  if (made)
    log.warn(
      { event: "seal", file },
      "made the key under which passwords are sealed: back it up, and give all servers the same",
    );
  else if ((statSync(file).mode & 0o077) !== 0)
    log.warn({ event: "seal", file }, "others may read the seal key: chmod 600");
  return parseKey(readFileSync(file, "utf8").trim(), file);
}

function parseKey(hex: string, source: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw new Error(`${source} must hold 64 hex digits`);
  return Buffer.from(hex, "hex");
}

/** Makes the file unless it is there; true when it was made. A second server that starts now sees a whole file or none. */
function makeKeyFile(file: string): boolean {
  if (existsSync(file)) return false;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const whole = `${file}.${randomBytes(6).toString("hex")}`;
  writeFileSync(whole, `${randomBytes(KEY_BYTES).toString("hex")}\n`, { flag: "wx", mode: 0o600, flush: true });
  chmodSync(whole, 0o600);
  try {
    linkSync(whole, file);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw cause;
  } finally {
    rmSync(whole);
  }
}
