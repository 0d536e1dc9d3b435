/** The formats that there are, loaded from their folder: who reads a content type, who writes an answer. */
import type { Format } from "./contracts.js";
import type { AnswerFormat } from "./request.js";
import { loadRoom } from "./room.js";

const formats = await loadRoom<Format>(new URL("./formats/", import.meta.url));

type Writer = Format & Required<Pick<Format, "encode">>;

/** By content type, in lower case and without parameters. */
export const readers: ReadonlyMap<string, NonNullable<Format["decode"]>> = new Map(
  [...table("decode", (format) => format.reads)].map(([name, { decode }]) => [name, decode]),
);

const writers: ReadonlyMap<string, Writer> = table("encode", (format) => format.writes);

/** The format that writes. Errors: Error where no file of the folder does. */
export function writerOf(format: AnswerFormat): Writer {
  const writer = writers.get(format);
  if (writer === undefined) throw new Error(`no format writes ${format}`);
  return writer;
}

function table<K extends "decode" | "encode">(
  direction: K,
  namesOf: (format: Format) => readonly string[],
): Map<string, Format & Required<Pick<Format, K>>> {
  const found = new Map<string, Format & Required<Pick<Format, K>>>();
  for (const format of formats)
    for (const name of namesOf(format)) {
      if (!can(format, direction)) throw new Error(`format ${format.name} claims ${name} without ${direction}`);
      if (found.has(name)) throw new Error(`format ${format.name} claims ${name}, which another one has`);
      found.set(name, format);
    }
  return found;
}

function can<K extends "decode" | "encode">(
  format: Format,
  direction: K,
): format is Format & Required<Pick<Format, K>> {
  return format[direction] !== undefined;
}
