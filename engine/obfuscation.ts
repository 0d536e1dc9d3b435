/**
 * The XOR and base64 form of `mcrfs`, `oenc1_` and the tunnel. It hides requests from a casual look; it is no encryption
 * and nothing rests on it.
 */
import { isUtf8 } from "node:buffer";

/** Takes text and `httpapiencryptkey`, gives a blob of `A-Z a-z 0-9 . _ -`. */
export const hide = (text: string, key: string): string =>
  xored(Buffer.from(text, "utf8"), key)
    .toString("base64")
    .replaceAll("=", "-")
    .replaceAll("+", "_")
    .replaceAll("/", ".");

/** Gives the text of a blob, or undefined when it is none or was made with another key. */
export function reveal(blob: string, key: string): string | undefined {
  if (key === "" || !isBlob(blob)) return undefined;
  const base64 = blob.replaceAll("-", "=").replaceAll("_", "+").replaceAll(".", "/");
  const bytes = xored(Buffer.from(base64, "base64"), key);
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString("utf8");
  return CONTROL_CHARACTER.test(text) ? undefined : text;
}

/** Whether a text could be a blob at all. */
export const isBlob = (text: string): boolean => BLOB.test(text);

const BLOB = /^[A-Za-z0-9._]+-{0,2}$/;
/** What a wrong key nearly always leaves. */
const CONTROL_CHARACTER = /[^\P{Cc}\t\r\n]/u;

function xored(bytes: Buffer, key: string): Buffer {
  const mask = Buffer.from(key, "utf8");
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (bytes[at] ?? 0) ^ (mask[at % mask.length] ?? 0);
  return bytes;
}
