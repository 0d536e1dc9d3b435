/** The body of an email or SMS: lines `***TO` and `***SUBJECT`, and the text. */
import { type BodyPlace, type BodyTemplate, compileBody } from "./bodies.js";
import { type Position, shifted } from "./faults.js";

export interface MessageTemplate {
  /** One for each recipient. */
  to: readonly BodyTemplate[];
  subject: BodyTemplate | undefined;
  text: BodyTemplate;
}

/** `***TO ann@example.com`, `***TO: ...` or `***TO=...`. */
const DIRECTIVE = /^([ \t]*\*\*\*)(\w+)([ \t]*[:=]?[ \t]*)(.*)$/;

/** A part of a body, and where it begins. */
interface Part {
  text: string;
  at: Position;
}

/** Faults are added at `place`. */
export function compileMessage(body: string, place: BodyPlace): MessageTemplate {
  const to: Part[] = [];
  let subject: Part | undefined;
  const lines = body.split("\n").map((line, index) => {
    const [, stars = "", word, gap = "", rest = ""] = DIRECTIVE.exec(line.replace(/\r$/, "")) ?? [];
    if (word === undefined) return line;
    const part = { text: rest, at: { line: index + 1, column: stars.length + word.length + gap.length + 1 } };
    if (/^to$/i.test(word)) to.push(...recipients(part));
    else if (/^subject$/i.test(word)) subject = part;
    else refuse(`***${word} is unknown; there are ***TO and ***SUBJECT`, part, place);
    return undefined;
  });
  return {
    to: to.map((part) => compilePart(part, place)),
    subject: subject && compilePart(subject, place),
    text: compilePart(textOf(lines), place),
  };
}

/** The commas of the body separate recipients, those of a value don't. */
function recipients({ text, at }: Part): Part[] {
  const found = [...text.matchAll(/(?:[^,;{]|\{[^}]*\})+/g)].map(({ 0: part, index }) => ({
    text: part.trim(),
    at: shifted({ line: 1, column: index + 1 + (part.length - part.trimStart().length) }, at),
  }));
  return found.filter(({ text: part }) => part !== "");
}

/** Directives leave empty lines behind, so that places stay right; those at the top and at the end are no part of the text. */
function textOf(lines: readonly (string | undefined)[]): Part {
  const first = lines.findIndex((line) => line !== undefined && line.trim() !== "");
  if (first < 0) return { text: "", at: { line: 1, column: 1 } };
  return {
    text: lines
      .slice(first)
      .map((line) => line ?? "")
      .join("\n")
      .trimEnd(),
    at: { line: first + 1, column: 1 },
  };
}

const NOTHING: BodyTemplate = () => [];

function compilePart({ text, at }: Part, place: BodyPlace): BodyTemplate {
  const { path, statements } = place;
  return statements.faults.attempt(path, () => compileBody(text, { ...place, at }), at) ?? NOTHING;
}

const refuse = (message: string, { at }: Part, { path, statements }: BodyPlace): void =>
  statements.faults.add(path, message, { inner: { line: at.line, column: 1 } });
