/** Static files under `/mvweb`, where `webroot` is set. */
import { realpath } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join, relative, sep } from "node:path";
import sendFile from "send";
import { percentDecoded } from "../query.js";

const PREFIX = "/mvweb";

export const isFilePath = (path: string): boolean => path === PREFIX || path.startsWith(`${PREFIX}/`);

/** Answers a GET or HEAD with the file; `absent` is called where there is none that may be shown. */
export async function serveFile(
  request: IncomingMessage,
  response: ServerResponse,
  webroot: string,
  absent: () => void,
): Promise<void> {
  const file = webroot === "" ? undefined : await fileOf(request.url ?? "", webroot);
  if (file === undefined) return absent();
  sendFile(request, file.path, { root: file.root, dotfiles: "ignore", index: false })
    .on("error", () => (response.headersSent ? response.destroy() : absent()))
    .on("directory", absent)
    .on("headers", (it: ServerResponse) => it.setHeader("X-Content-Type-Options", "nosniff"))
    .pipe(response);
}

/** Where the address leads once all links are followed; undefined outside of the folder. */
async function fileOf(url: string, webroot: string): Promise<{ root: string; path: string } | undefined> {
  const asked = percentDecoded(url.replace(/[?#].*$/s, "").slice(PREFIX.length));
  if (asked.includes("\0") || hasDotfile(asked)) return undefined;
  try {
    const root = await realpath(webroot);
    const file = await realpath(join(root, asked.endsWith("/") || asked === "" ? `${asked}/index.html` : asked));
    if (!file.startsWith(root + sep)) return undefined;
    return { root, path: relative(root, file).split(sep).map(encodeURIComponent).join("/") };
  } catch {
    return undefined;
  }
}

const hasDotfile = (path: string): boolean => path.split(/[\\/]/).some((part) => part.startsWith("."));
