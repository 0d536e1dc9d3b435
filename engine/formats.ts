/** The formats that there are, loaded from their folder: who reads a content type, who writes an answer. */
import type { Format } from "./contracts.js";
import type { AnswerFormat } from "./request.js";
import { loadRoom } from "./room.js";

const formats = await loadRoom<Format>(new URL("./formats/", import.meta.url));

type Reader = NonNullable<Format["decode"]>;
type Writer = NonNullable<Format["encode"]>;

/** By content type, in lower case and without parameters. */
export const readers: ReadonlyMap<string, Reader> = table("decode", (format) => format.reads);

const writers: ReadonlyMap<string, Writer> = table("encode", (format) => format.writes);

/** The encoder of a format. Errors: Error where no file of the folder writes it. */
export function writerOf(format: AnswerFormat): Writer {
  const writer = writers.get(format);
  if (writer === undefined) throw new Error(`no format writes ${format}`);
  return writer;
}

function table<K extends "decode" | "encode">(
  direction: K,
  namesOf: (format: Format) => readonly string[],
): Map<string, NonNullable<Format[K]>> {
  const found = new Map<string, NonNullable<Format[K]>>();
  for (const format of formats)
    for (const name of namesOf(format)) {
      const implementation = format[direction];
      if (implementation === undefined) throw new Error(`format ${format.name} claims ${name} without ${direction}`);
      if (found.has(name)) throw new Error(`format ${format.name} claims ${name}, which another one has`);
      found.set(name, implementation);
    }
  return found;
}
