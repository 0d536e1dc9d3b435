/** Reads the body of an HTTP request, never more than is allowed. */
import type { IncomingMessage } from "node:http";

/** `too long` without reading the rest; `gone` when the caller went away in the middle. Never rejects. */
export function readBody(request: IncomingMessage, most: number): Promise<Buffer | "too long" | "gone"> {
  if (Number(request.headers["content-length"] ?? 0) > most) return Promise.resolve("too long");
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= most) return chunks.push(chunk);
      request.removeAllListeners("data").pause();
      return resolve("too long");
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", () => resolve("gone"));
    request.on("close", () => resolve("gone"));
  });
}
