/** A file as the answer to an HTTP request. */
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import contentDisposition from "content-disposition";
import type { Log } from "../log.js";
import type { ServedFile } from "../request.js";

/** What HTTP says of a file: its length, and under which name to keep it. A browser never shows it as a page. */
export function fileHeaders({ filename, size }: ServedFile): string[] {
  const disposition = ["Content-Disposition", contentDisposition(filename)];
  return size === undefined ? disposition : [...disposition, "Content-Length", String(size)];
}

export interface Sending {
  log: Log;
  /** Milliseconds for which the caller may take nothing. */
  idle: number;
  /** Called once, when nothing more is sent. */
  sent(): void;
}

/** Sends the bytes behind the head. A file that can't be read to its end cuts the connection, so that nobody takes it for whole. */
export function sendBytes({ stream }: ServedFile, response: ServerResponse, { log, idle, sent }: Sending): void {
  if (response.req.method === "HEAD") {
    stream.destroy();
    response.end();
    sent();
    return;
  }
  const { socket } = response.req;
  response.setTimeout(idle, () => response.destroy());
  pipeline(stream, response, (err) => {
    socket.setTimeout(0); // or it would cut a later request of the connection
    if (err) log.warn({ event: "file", err }, "a file was not sent to its end");
    sent();
  });
}
