/** Names of files as callers give them: relative, plain, and never out of their folder. */
import { ApiError } from "../errors.js";

const MOST_CHARACTERS = 400;
const MOST_BYTES_OF_A_PART = 200;
const MOST_PARTS = 8;

/** What some system or program would take for more than a name: separators, drives, wildcards, signs that don't show. */
const UNSAFE = /[\\:*?"<>|\p{C}\p{Zl}\p{Zp}]/u;

/**
 * `reports/may.csv` → its parts. The name is refused as it stands and as it would read when somebody decoded it once more.
 * Errors: ApiError "wrong parameter".
 */
export function partsOf(name: string): string[] {
  const parts = safeParts(name);
  if (parts === undefined || safeParts(decoded(name)) === undefined)
    throw new ApiError(
      "wrong parameter",
      'filename must be a relative name such as reports/may.csv: no part may be empty, begin with a dot or hold \\ : * ? " < > |',
    );
  return parts;
}

/** Any text as one part of a name, such as `a%2Fb%40c`: letters, digits, `-`, `_` and inner dots stay as they are. */
export const partOf = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*~]|^\.|\.$/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** The text that {@link partOf} made this part of; undefined for a part that no text makes. */
export function textOfPart(part: string): string | undefined {
  const text = decoded(part);
  return text !== undefined && partOf(text) === part ? text : undefined;
}

function safeParts(name: string | undefined): string[] | undefined {
  if (name === undefined || name.length > MOST_CHARACTERS || UNSAFE.test(name)) return undefined;
  const parts = name.split("/");
  return parts.length <= MOST_PARTS && parts.every(isSafePart) ? parts : undefined;
}

const isSafePart = (part: string): boolean =>
  part !== "" &&
  part === part.trim() &&
  !part.startsWith(".") &&
  !part.endsWith(".") &&
  Buffer.byteLength(part) <= MOST_BYTES_OF_A_PART;

/** undefined where a percent sign is no escape. */
function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}
