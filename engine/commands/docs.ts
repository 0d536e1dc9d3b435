/** `tbapi docs`: the reference page, made of the definitions and the options. */
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { definitionsFolder, openEngine } from "../engine.js";
import { ERROR_CLASSES } from "../errors.js";
import { OPTIONS } from "../options.js";
import type { Entry } from "../registry/entry.js";
import { describeEntry } from "../registry/reference.js";
import { START_VARIABLES } from "../settings.js";

/** Prints Markdown: every entry that can be called, by sections, the classes of errors, and the options. */
export async function printDocs(environment: NodeJS.ProcessEnv, print: (text: string) => void): Promise<number> {
  const engine = await openEngine({ TBAPI_LOGLEVEL: "error", ...environment }, "command");
  try {
    const entries = new Set(engine.services.registry.current.entries.values());
    print(await page([...entries].filter(({ closed }) => closed === undefined)));
    return 0;
  } finally {
    await engine.close();
  }
}

async function page(entries: readonly Entry[]): Promise<string> {
  const sections = await sectionsOf(entries);
  return [
    "# tbapi",
    "This page is made of the definitions by `make docs`. A request is `http://SERVER/mvapireq/?apientry=NAME&parameter=value`.",
    ...sections.flatMap(({ title, members }) => [`## ${title}`, ...members.flatMap(block)]),
    "## Failures",
    "A failure is answered as `ERROR: class: detail`.",
    table(["class", "meaning"], Object.entries(ERROR_CLASSES)),
    "## Options",
    "Rows of `tb_settings`; in the environment `TBAPI_NAME`, which wins.",
    table(
      ["option", "type", "default", "meaning"],
      Object.entries(OPTIONS).map(([name, { type, default: standard, summary }]) => [name, type, standard, summary]),
    ),
    "## Environment",
    table(["variable", "meaning"], Object.entries(START_VARIABLES)),
  ].join("\n\n");
}

interface Section {
  title: string;
  members: Entry[];
}

async function sectionsOf(entries: readonly Entry[]): Promise<Section[]> {
  const listed = parse(await readFile(new URL("sections.yaml", definitionsFolder), "utf8")) as {
    subject: string;
    title: string;
  }[];
  const known = new Set(listed.map(({ subject }) => subject));
  const others = [...new Set(entries.map(({ subject }) => subject))].filter((subject) => !known.has(subject)).sort();
  return [...listed, ...others.map((subject) => ({ subject, title: subject }))]
    .map(({ subject, title }) => ({ title, members: entries.filter((entry) => entry.subject === subject) }))
    .filter(({ members }) => members.length > 0)
    .map(({ title, members }) => ({ title, members: members.sort((one, other) => (one.name < other.name ? -1 : 1)) }));
}

const block = (entry: Entry): string[] => [`### ${entry.name}`, `\`\`\`text\n${describeEntry(entry)}\n\`\`\``];

const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [columns, columns.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
