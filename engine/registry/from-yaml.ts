/** From the files of `definitions/` to definitions, each value with its line and column. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument, Scalar } from "yaml";
import { type Definition, type ExampleDefinition, type Path, shapeFaults } from "./definition.js";
import { Faults, type Locate, type Position } from "./faults.js";

/** A file as it was read. */
export interface DefinitionFile {
  /** `definitions/billing/balance.yaml` */
  source: string;
  /** The folder's name. */
  subject: string;
  /** The file's stem. */
  name: string;
  text: string;
}

const NAME = /^[a-z0-9_.-]{1,64}$/;

/** All files `<subject>/<entry>.yaml`. Errors: of the file system. */
export async function readDefinitions(folder: URL): Promise<DefinitionFile[]> {
  const paths = (await readdir(folder, { recursive: true })).map((path) => path.replaceAll("\\", "/")).sort();
  const files = paths.flatMap((path) => {
    const [, subject, name] = /^([^/]+)\/([^/]+)\.yaml$/.exec(path) ?? [];
    return subject === undefined || name === undefined ? [] : [{ source: sourceOf(folder, path), subject, name, path }];
  });
  const read = (path: string) => readFile(new URL(path, folder), "utf8");
  return Promise.all(files.map(async ({ path, ...file }) => ({ ...file, text: await read(path) })));
}

const sourceOf = (folder: URL, path: string): string =>
  `${fileURLToPath(folder)
    .replace(/[/\\]$/, "")
    .split(/[/\\]/)
    .at(-1)}/${path}`;

/** The usual ones in plain words. */
const YAML_FAULTS: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: "a text with ': ' in it needs quotes around it",
  DUPLICATE_KEY: "this name stands here twice",
  TAB_AS_INDENT: "indent with blanks, not with tabs",
  BAD_INDENT: "this line is not indented as those around it",
};

/** The definition of a file; undefined where its shape is wrong. What is wrong is in `faults` in either case. */
export function parseDefinition({ source, name, text }: DefinitionFile): {
  definition: Definition | undefined;
  faults: Faults;
} {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const faults = new Faults({ entry: name, source, locate: locator(document, lines, text) });
  for (const { pos, code, message } of [...document.errors, ...document.warnings]) {
    const { line, col } = lines.linePos(pos[0]);
    faults.list.push({ entry: name, source, line, column: col, message: YAML_FAULTS[code] ?? `not YAML: ${message}` });
  }
  if (faults.list.length > 0) return { definition: undefined, faults };
  const data: unknown = document.toJS();
  if (!NAME.test(name)) faults.add([], "the file's name must be an entry's name: small letters, digits, _ . -");
  for (const { path, atKey, message } of shapeFaults(data)) faults.add(path, message, { atKey });
  if (faults.list.length > 0) return { definition: undefined, faults };
  const definition = data as Definition;
  checkExamples(definition, faults);
  return { definition, faults };
}

/** Examples are the tests and the documentation: they show both outcomes. */
function checkExamples(definition: Definition, faults: Faults): void {
  const { examples, access, neverFails = false, neverSucceeds = false } = definition;
  const isBad = ({ answer }: ExampleDefinition) => /^(\/\^)?ERROR/.test(answer);
  const shows = examples.some((example) => !isBad(example));
  // Examples are requests, and those can't reach what is for the console.
  if (!shows && access !== "console" && !neverSucceeds) faults.add(["examples"], "no example shows a good answer");
  if (shows && neverSucceeds) faults.add(["examples"], "an example shows a good answer, though it never succeeds");
  if (!neverFails && !examples.some(isBad))
    faults.add(["examples"], "no example shows an ERROR; say 'neverFails: true' where there is none");
}

function locator(document: Document, lines: LineCounter, text: string): Locate {
  return (path, { atKey = false, inner } = {}) => {
    const node = nodeAt(document, path, atKey);
    const start = node?.range?.[0] ?? 0;
    const offset = inner !== undefined && isScalar(node) ? innerOffset(node, inner, text) : start;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
}

/** The node at the path's end, or the nearest one around it. */
function nodeAt(document: Document, path: Path, atKey: boolean): Node | undefined {
  let node = document.contents as Node | null;
  for (const [index, part] of path.entries()) {
    const pair = isMap(node)
      ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
      : undefined;
    if (atKey && index === path.length - 1 && pair !== undefined) return pair.key as Node;
    const next = document.getIn(path.slice(0, index + 1), true) as Node | undefined;
    if (next === undefined || next === null) break;
    node = next;
  }
  return node ?? undefined;
}

/**
 * Where a place of a scalar's value stands in the file. Folding and indentation change nothing but white space, so the
 * signs before the place are counted without it. Exact but for texts in quotes with escapes in them.
 */
function innerOffset(node: Scalar, { line, column }: Position, text: string): number {
  const value = String(node.value);
  const before =
    value
      .split("\n")
      .slice(0, line - 1)
      .join("\n").length +
    (line > 1 ? 1 : 0) +
    column -
    1;
  let left = value.slice(0, before).replace(/\s/g, "").length;
  let offset = contentStart(node, text);
  while (offset < text.length && (left > 0 || /\s/.test(text[offset] ?? ""))) {
    if (!/\s/.test(text[offset] ?? "")) left -= 1;
    offset += 1;
  }
  return offset;
}

function contentStart({ type, range }: Scalar, text: string): number {
  const start = range?.[0] ?? 0;
  if (type === Scalar.BLOCK_FOLDED || type === Scalar.BLOCK_LITERAL) return text.indexOf("\n", start) + 1;
  return type === Scalar.QUOTE_DOUBLE || type === Scalar.QUOTE_SINGLE ? start + 1 : start;
}
