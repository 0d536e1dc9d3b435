#!/usr/bin/env node
/** The command line: the only reader of argv. */
import { parseArgs } from "node:util";
import { callEntry } from "./commands/call.js";
import { checkDefinitions } from "./commands/check.js";
import { printDocs } from "./commands/docs.js";
import { listOptions } from "./commands/options.js";
import { writeDefinitionSchema } from "./commands/schema.js";
import { start } from "./commands/start.js";

const USAGE = `tbapi: an API engine for VoIP softswitches

  tbapi start [--sample]            serve; --sample loads sample data and prints requests to try
  tbapi check [--statements]        compile every definition against the database; print each fault, or each statement
  tbapi call ENTRY [name=value ...] one request from the command line, as a server administrator
  tbapi docs                        the reference page: every entry, every option
  tbapi options                     every option and environment variable
  tbapi schema                      write the JSON Schema of a definition`;

/** Prints for the person at the terminal. */
const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function main(argv: string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { sample: { type: "boolean" }, statements: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  const [command, ...rest] = positionals;
  if (values.help) {
    print(USAGE);
    return 0;
  }
  switch (command) {
    case "start":
      return start(process.env, { sample: values.sample === true }, print);
    case "check":
      return checkDefinitions(process.env, { statements: values.statements === true }, print);
    case "call":
      return callEntry(process.env, rest, print);
    case "docs":
      return printDocs(process.env, print);
    case "options":
      return listOptions(print);
    case "schema":
      return writeDefinitionSchema(print);
    default:
      print(USAGE);
      return 2;
  }
}

// Who reads no more (`tbapi docs | head`) has what was wanted.
process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
  if (cause.code !== "EPIPE") throw cause;
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (cause) {
  process.stderr.write(`tbapi: ${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = 1;
}
