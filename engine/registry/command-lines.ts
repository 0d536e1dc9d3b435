/** A command line as data: split into its words first, values put into single words after. No shell ever sees it. */
import { split } from "shlex";
import { FaultError } from "../errors.js";
import { type BodyKeyword, type BodyPlace, type BodyTemplate, findKeywords, positionOf } from "./bodies.js";

export interface CommandTemplate {
  program: string;
  words: readonly { text: BodyTemplate /** A value stands at its beginning. */; open: boolean }[];
}

/** Stand for keywords while the line is split; the owner's words don't have them. */
const [OPEN, CLOSE] = ["\u{E000}", "\u{E001}"];
const MARK = new RegExp(`${OPEN}(\\d+)${CLOSE}`, "u");

/** Errors: FaultError with the place in `line`. */
export function compileCommandLine(line: string, place: BodyPlace): CommandTemplate {
  const braces = line.indexOf("{{");
  if (braces >= 0) throw faultAt(line, braces, "a command line takes {name}, not {{name}}");
  if (line.includes(OPEN) || line.includes(CLOSE)) throw faultAt(line, 0, "a sign of this command line can't be used");
  const keywords = findKeywords(line, place);
  const [program = "", ...words] = wordsOf(marked(line, keywords));
  if (program === "") throw faultAt(line, 0, "the command line is empty");
  if (MARK.test(program)) throw faultAt(line, 0, "the program must be named; no value can stand for it");
  return {
    program,
    words: words.map((word) => ({
      text: wordTemplate(
        word,
        keywords.map(({ keyword }) => keyword),
      ),
      open: word.startsWith(OPEN),
    })),
  };
}

function marked(line: string, keywords: ReturnType<typeof findKeywords>): string {
  let text = "";
  let done = 0;
  for (const [index, { at, length }] of keywords.entries()) {
    text += `${line.slice(done, at)}${OPEN}${index}${CLOSE}`;
    done = at + length;
  }
  return text + line.slice(done);
}

function wordsOf(line: string): string[] {
  try {
    return split(line);
  } catch {
    throw new FaultError("a quote of this command line is not closed");
  }
}

function wordTemplate(word: string, keywords: readonly BodyKeyword[]): BodyTemplate {
  // A group that is kept by `split`: every second part is the number of a keyword.
  const parts = word.split(MARK).map((part, index) => (index % 2 === 1 ? keywords[Number(part)] : part));
  return (run) =>
    parts.map((part) => {
      if (part === undefined || typeof part === "string") return part ?? "";
      return "value" in part ? String(part.value(run) ?? "") : { template: part.select, run };
    });
}

function faultAt(line: string, offset: number, message: string): FaultError {
  const { line: row, column } = positionOf(line, offset);
  return new FaultError(message, row, column);
}
