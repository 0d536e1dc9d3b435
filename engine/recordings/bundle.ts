/** Several files as one zip, which is made while it is sent. */
import type { Readable } from "node:stream";
import { ZipFile } from "yazl";
import type { OpenedContent } from "../request.js";

export interface Bundled {
  /** Its name in the zip. */
  name: string;
  size: number;
  /** Milliseconds since 1970. */
  modified: number;
  /** Called when its turn comes. */
  open(): Promise<Readable>;
}

/** Audio can't be packed much further, so that it is stored as it is, and the zip's length is known beforehand. */
export function bundle(files: readonly Bundled[]): OpenedContent {
  const zip = new ZipFile();
  const stream = zip.outputStream as Readable;
  let current: Readable | undefined;
  for (const { name, size, modified, open } of files)
    zip.addReadStreamLazy(name, { size, mtime: new Date(modified), mode: 0o100640, compress: false }, (give) => {
      open().then(
        (opened) => {
          current = opened;
          // Who went away leaves no file open.
          if (stream.destroyed) opened.destroy();
          else give(null, opened);
        },
        give as (cause: unknown) => void,
      );
    });
  zip.on("error", (cause: Error) => stream.destroy(cause));
  stream.once("close", () => current?.destroy());
  let size: number | undefined;
  zip.end({ forceZip64Format: false, comment: "" }, (total = -1) => {
    size = total < 0 ? undefined : total;
  });
  return { stream, size };
}
