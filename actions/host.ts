/** The machine: programs that its owner allows, and restarts. What may run is set in the environment alone. */
import type { Action, ActionContext, DeliveredItem, Delivery, Input, Services } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import { argument, type CommandEnd, filled, runProgram, wordsOf } from "../engine/host/run-command.js";

/** The body of a `host.run`. */
interface Command {
  program: string;
  words: string[];
  /** Indexes of words that begin with a value. */
  open: number[];
}

type CommandOption = Extract<keyof Services["settings"]["current"], `${string}command`>;
type RunContext = { services: Services; signal?: AbortSignal };
/** For whom it runs, for the log. */
type Origin = Pick<DeliveredItem, "entry" | "userId"> & { item?: number };

const MOST_KEPT = 2_000;

/** Errors: ApiError "not configured" unless the owner allows the program. */
function checkAllowed(program: string, { settings }: Services): void {
  const allowed = settings.current.allowedcommands.split(",").map((name) => name.trim());
  if (!allowed.includes(program))
    throw new ApiError("not configured", "this program is not one of those in TBAPI_ALLOWEDCOMMANDS");
}

/** Errors: ApiError, also when the program ends with another exit code than 0. */
async function run(
  program: string,
  words: readonly string[],
  origin: Origin,
  context: RunContext,
): Promise<CommandEnd> {
  const { services, signal } = context;
  const limits = { timeout: services.settings.current.commandtimeout, ...(signal && { signal }) };
  const log = (end: string) =>
    services.log.warn({ event: "command", program, ...origin, end }, "a command of the machine was run");
  try {
    const end = await runProgram(program, words, limits);
    log(end.text);
    if (end.exitCode === 0) return end;
    throw new ApiError("failed", `${end.text}: ${end.output.replace(/\s+/g, " ").slice(0, 300)}`);
  } catch (cause) {
    if (cause instanceof ApiError) log(cause.detail);
    throw cause;
  }
}

/** A command line of the options, with values in the places of `{name}`. Errors: ApiError "not configured" where it is empty. */
function configured(option: CommandOption, values: Input, origin: Origin, context: RunContext) {
  const line = context.services.settings.current[option];
  if (line === "")
    throw new ApiError("not configured", `set TBAPI_${option.toUpperCase()} to the command line that does it`);
  const [program = "", ...words] = wordsOf(line);
  return run(program, filled(words, values), origin, context);
}

const isCommandOption = (name: string, { settings }: Services): name is CommandOption =>
  name.endsWith("command") && name in settings.current;

async function restart(what: string, origin: Origin, context: RunContext): Promise<string> {
  const { settings, status } = context.services;
  if (what === "database") return (await configured("databaserestartcommand", {}, origin, context)).text;
  if (what === "server") return (await configured("rebootcommand", {}, origin, context)).text;
  if (!settings.current.allowrestart)
    throw new ApiError(
      "not configured",
      "set TBAPI_ALLOWRESTART=1 where a supervisor starts the service again (exit code 75)",
    );
  status.restart(what === "force");
  return "the service ends and is started again by its supervisor";
}

/** What has begun once is not begun again: nobody knows how far it came. */
const once =
  (deliver: Delivery["deliver"]): Delivery["deliver"] =>
  async (item, context) => {
    if (item.tries > 1) throw new Error("the server stopped while it ran; it is not repeated by itself");
    return deliver(item, context);
  };

const originOf = ({ id, entry, userId }: DeliveredItem): Origin => ({ item: id, entry, userId });
const caller = ({ entry, caller: { id } }: ActionContext): Origin => ({ entry: entry.name, userId: id });
const lines = (output: string) => output.split("\n").map((line) => ({ line: line.replace(/\r$/, "") }));

const host: Action = {
  name: "host",
  operations: {
    run: {
      summary: "Runs a program that TBAPI_ALLOWEDCOMMANDS names, and waits for its end.",
      input: { line: "The command line: words, which quotes may hold together. There is no shell." },
      transactional: false,
      async run({ line }, context) {
        const [program = "", ...words] = wordsOf(cellText(line));
        checkAllowed(program, context.services);
        const { text, output } = await run(program, words, caller(context), context);
        return { text, rows: output === "" ? [] : lines(output), columns: ["line"] };
      },
    },
    configured: {
      summary: "Runs the command line of an option, in which {name} stands for a parameter of the entry.",
      input: { option: "Such as setipcommand." },
      transactional: false,
      async run({ option }, context) {
        const name = cellText(option);
        if (!isCommandOption(name, context.services)) throw new Error(`no option ${name} is a command line`);
        const { text } = await configured(name, context.params, caller(context), context);
        return { text };
      },
    },
    restart: {
      summary: "Restarts the service (after what is in flight, or at once with force), the database or the machine.",
      input: { what: "service, force, database or server." },
      transactional: false,
      run: async ({ what }, context) => ({ text: await restart(cellText(what), caller(context), context) }),
    },
  },
  deliveries: {
    run: {
      summary: "Runs a program that TBAPI_ALLOWEDCOMMANDS names.",
      seconds: 620,
      tries: 1,
      deliver: once(async (item, context) => {
        const { program, words, open } = item.body as Command;
        checkAllowed(program, context.services);
        for (const index of open) argument(words[index] ?? "");
        const { text, output } = await run(program, words, originOf(item), context);
        context.keep(`${text}: ${output.slice(0, MOST_KEPT)}`);
        return undefined;
      }),
    },
    restart: {
      summary: "Restarts the service of the server that takes the item, the database or the machine.",
      seconds: 620,
      tries: 1,
      deliver: once(async (item, context) => {
        const { what } = item.body as { what: string };
        context.keep(await restart(what, originOf(item), context));
        return undefined;
      }),
    },
  },
};

export default host;
