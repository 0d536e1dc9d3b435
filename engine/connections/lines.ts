/** A connection on which each line is a request: TCP, TLS and the console. */
import type { Socket } from "node:net";
import type { SettingsStore } from "../settings.js";
import type { Connection } from "./connections.js";
import { Splitter } from "./splitter.js";
import { Turns } from "./turns.js";

export interface LinesOptions {
  settings: SettingsStore;
  /** Answers a line, which has no line end any more; false ends the connection. Never rejects. */
  take(line: Buffer): Promise<boolean>;
  /** What is sent for a line that is longer than `maxline`, before the connection ends. */
  tooLong: string;
}

/** Reads lines that end in LF or CR LF, a bounded number ahead, and takes them in turn. */
export function serveLines(socket: Socket, connection: Connection, options: LinesOptions): void {
  const { settings } = options;
  const turns = new Turns<Buffer | "too long">({
    take: async (line) => {
      if (line !== "too long") return options.take(line);
      await send(socket, options.tooLong);
      return false;
    },
    limit: () => settings.current.maxpipelined,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    ended: () => socket.end(() => socket.destroy()),
  });
  const splitter = new Splitter({
    line: (line) => turns.push(line),
    limit: () => settings.current.maxline,
    tooLong: () => turns.push("too long"),
  });
  connection.finish = () => turns.finish();
  socket.setTimeout(settings.current.idletimeout * 1000, () => {
    if (!turns.busy) socket.destroy();
  });
  limitPartialLine(socket, splitter, settings);
  socket.on("end", () => {
    splitter.end();
    turns.finish();
  });
  socket.on("close", () => turns.drop());
}

/** Feeds the splitter; a line has to arrive whole within `requesttimeout`. */
function limitPartialLine(socket: Socket, splitter: Splitter, settings: SettingsStore): void {
  let deadline: NodeJS.Timeout | undefined;
  const clear = () => {
    clearTimeout(deadline);
    deadline = undefined;
  };
  socket.on("data", (chunk: Buffer) => {
    const before = splitter.pending;
    splitter.write(chunk);
    if (splitter.pending < before + chunk.length) clear();
    if (splitter.pending > 0) deadline ??= setTimeout(() => socket.destroy(), settings.current.requesttimeout * 1000);
  });
  socket.on("close", clear);
}

/** Writes, and waits until the other end takes it: who doesn't read the answers gets no more of them. */
export const send = (socket: Socket, data: string | Buffer): Promise<void> =>
  new Promise((resolve) => {
    if (socket.writable) socket.write(data, () => resolve());
    else resolve();
  });
