/** `tbapi docs`: the reference page, made of the definitions and the options. */
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { definitionsFolder, openEngine } from "../engine.js";
import { ERROR_CLASSES } from "../errors.js";
import { OPTIONS } from "../options.js";
import type { Entry } from "../registry/entry.js";
import { documentEntry } from "../registry/reference.js";
import { START_VARIABLES } from "../settings.js";

/** What the engine reads from each request, before the entry's own parameters. */
const COMMON_PARAMETERS = {
  apientry: "Name of the entry.",
  authkey: "The server's API key.",
  "authid, authpwd": "The account's user name (or its id, name, number or PIN) and its password in clear.",
  "authmd5, authsalt":
    "In place of authpwd: MD5(ck5Gp + authid + password + the server's salt + authsalt) in hex, parts joined without signs between them; authsalt is a random text.",
  nonce:
    "Where the server asks for it: the first characters, ten at least, of a nonce that preauth gave. All of it stands at the end of what authmd5 is made of.",
  targetuser: "Administrators, and resellers with their own users: the user for whom the entry runs.",
  format:
    "Form of the answer: text, html, xml, soap, json or jsonp (with callback=NAME); as the request is written where it is left out.",
  "param1, param2 ...": "Values without names, in the order in which the entry lists its parameters.",
} as const;

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
    "This page is made of the definitions by `make docs`. A request is `http://SERVER/mvapireq/?apientry=NAME&parameter=value`, its answer `OK: text` or `ERROR: class: detail`. In the answers of the examples N stands for digits, and … for what differs.",
    table(["parameter of every request", "meaning"], Object.entries(COMMON_PARAMETERS)),
    ...sections.flatMap(({ title, members }) => [`## ${title}`, ...members.flatMap(block)]),
    "## Failures",
    "A failure is answered as `ERROR: class: detail`.",
    table(["class", "meaning"], Object.entries(ERROR_CLASSES)),
    "## Options",
    "Rows of `tb_settings`; in the environment `TBAPI_NAME`, which wins. Those marked with * are set in the environment alone.",
    table(
      ["option", "type", "default", "meaning"],
      Object.entries(OPTIONS).map(([name, spec]) => [
        `${name}${"owner" in spec ? " *" : ""}`,
        spec.type,
        spec.default,
        spec.summary,
      ]),
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

const block = (entry: Entry): string[] => [`### ${entry.name}`, `\`\`\`text\n${documentEntry(entry)}\n\`\`\``];

const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [columns, columns.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
