/** A file of a folder as the content of an answer. */
import { basename, extname } from "node:path/posix";
import { Readable } from "node:stream";
import mime from "mime-types";
import type { Content } from "../request.js";
import type { Folder, OpenFile } from "./folder.js";

const CHUNK = 65_536;

/** The media type that a name's extension stands for. */
export const mediaTypeOf = (name: string): string => mime.contentType(extname(name)) || "application/octet-stream";

/** It is opened again when it is sent: what was replaced meanwhile is sent as it is then. */
export const contentOf = (folder: Folder, name: string): Content => ({
  type: mediaTypeOf(name),
  filename: basename(name),
  open: async () => streamOf(await folder.open(name)),
});

/** Exactly as many bytes as the file has now. The stream closes the file's handle. */
export function streamOf({ handle, size }: OpenFile): { stream: Readable; size: number } {
  async function* bytes() {
    for (let at = 0; at < size; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK), 0, Math.min(CHUNK, size - at), at);
      if (bytesRead === 0) throw new Error("the file became shorter while it was read");
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
  const stream = Readable.from(bytes(), { objectMode: false });
  // Not in the generator, whose end is never reached where it was never begun.
  stream.once("close", () => void handle.close());
  return { stream, size };
}
