/** What the log is written to: a disk that is full, or a file that can't be written, ends neither a request nor the server. */
import { pino } from "pino";

export type LogStream = ReturnType<typeof pino.destination>;

/** Bytes of lines that are kept until they can be written; later ones are dropped. */
const MOST_HELD = 4_194_304;

/** A file, which is written at once, or standard error, which is not waited for. `told` is called when an outage begins. */
export function logStream(where: { dest: string; mode: number } | { fd: 2 }, told: (cause: Error) => void): LogStream {
  const stream = pino.destination({ ...where, sync: "dest" in where, maxLength: MOST_HELD });
  let isAway = false;
  stream.on("error", (cause: Error) => {
    if (!isAway) told(cause);
    isAway = true;
  });
  stream.on("write", () => {
    isAway = false;
  });
  // Otherwise what is held would never be tried again.
  stream.on("drop", () => stream.flush());
  return stream;
}
