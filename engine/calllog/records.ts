/** Call records out of a log file: CSV lines under a line of column names, or lines of `name=value`. */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { CsvError, type Info, parse } from "csv-parse";
import { ApiError } from "../errors.js";

/** Fields of a line by their names in lower case; undefined for a line that can't be read. */
export interface LogRecord {
  line: number;
  fields: ReadonlyMap<string, string> | undefined;
}

/** `open` gives the file from its start, once to tell its form and once to read it. Errors: ApiError "failed". */
export async function* recordsOf(open: () => Promise<Readable>): AsyncGenerator<LogRecord> {
  const first = await firstLine(await open());
  yield* PAIR_FIRST.test(first) ? pairLines(await open()) : csvLines(await open(), first);
}

const PAIR_FIRST = /^\s*\w+\s*=/;
const PAIR = /(\w+)\s*=\s*(?:"([^"]*)"|([^\s,;"]*))[\s,;]*/y;

async function firstLine(stream: Readable): Promise<string> {
  for await (const line of linesOf(stream)) if (line.trim() !== "") return line;
  return "";
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  } finally {
    stream.destroy();
  }
}

async function* pairLines(stream: Readable): AsyncGenerator<LogRecord> {
  let line = 0;
  for await (const text of linesOf(stream)) {
    line += 1;
    if (text.trim() !== "") yield { line, fields: pairsOf(text.trim()) };
  }
}

function pairsOf(text: string): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  const pair = new RegExp(PAIR);
  while (pair.lastIndex < text.length) {
    const [, name = "", quoted, plain = ""] = pair.exec(text) ?? [];
    if (name === "") return undefined;
    fields.set(name.toLowerCase(), quoted ?? plain);
  }
  return fields;
}

async function* csvLines(stream: Readable, first: string): AsyncGenerator<LogRecord> {
  const delimiter = first.split(";").length > first.split(",").length ? ";" : ",";
  const rows = stream.pipe(
    parse({
      delimiter,
      bom: true,
      trim: true,
      info: true,
      skip_empty_lines: true,
      relax_quotes: true,
      relax_column_count: true,
      max_record_size: 65_536,
    }),
  );
  stream.once("error", (cause) => rows.destroy(cause));
  let names: string[] | undefined;
  try {
    for await (const { record, info } of rows as AsyncIterable<{ record: string[]; info: Info }>) {
      if (names === undefined) names = record.map((name) => name.toLowerCase());
      else yield { line: info.lines, fields: rowOf(names, record) };
    }
  } catch (cause) {
    throw cause instanceof CsvError ? unreadable(cause) : cause;
  } finally {
    stream.destroy();
  }
}

/** A quote that is not closed takes in whatever follows, so that no later line can be trusted. */
const unreadable = (cause: CsvError) =>
  new ApiError("failed", `the log is no CSV from line ${Number(cause["lines"])} on: is a quote not closed?`, { cause });

const rowOf = (names: readonly string[], values: readonly string[]): Map<string, string> | undefined =>
  values.length === names.length ? new Map(names.map((name, at) => [name, values[at] ?? ""])) : undefined;
