/** The log of the server, and those of programs beside it whose files lie in the same folder. */
import type { Action, ActionContext, Input } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import { Folder } from "../engine/files/folder.js";
import { linesFromEnd } from "../engine/files/lines.js";
import type { LogFiles } from "../engine/log-files.js";
import type { Cell } from "../engine/request.js";

/** Milliseconds for which a search may read. */
const SEARCH_TIME = 3_000;

function filesOf({ services }: ActionContext): LogFiles {
  if (services.logFiles !== undefined) return services.logFiles;
  throw new ApiError("not configured", "set TBAPI_LOGFOLDER to keep the log in files; it goes to standard error now");
}

function countOf(lines: Cell | undefined, { services }: ActionContext): number {
  const { maxloglines } = services.settings.current;
  const count = Number(lines ?? 1);
  if (count <= maxloglines) return count;
  throw new ApiError("wrong parameter", `lines must be ${maxloglines} at most (maxloglines)`);
}

/** Calls `take` with each line from the last on, until it answers false; a file that is not there has none. */
async function readBack(folder: Folder, name: string, take: (line: string) => boolean): Promise<void> {
  const file = await folder.find(name);
  if (file === undefined) return;
  try {
    for await (const line of linesFromEnd(file)) if (!take(line)) return;
  } finally {
    await file.handle.close();
  }
}

/** The latest lines last, as they stand in the file. */
const shown = (latestFirst: string[], truncated = false) => ({
  rows: latestFirst.reverse().map((line) => ({ line })),
  columns: ["line"],
  truncated,
});

async function tail(input: Input, context: ActionContext) {
  const folder = new Folder(filesOf(context).folder);
  const name = `${cellText(input["name"])}.log`;
  const count = countOf(input["lines"], context);
  const lines: string[] = [];
  if (!(await folder.has(name))) throw new ApiError("not found", `there is no ${name} among the log files`);
  await readBack(folder, name, (line) => lines.push(line) < count);
  return shown(lines);
}

async function search(input: Input, context: ActionContext) {
  const files = filesOf(context);
  const folder = new Folder(files.folder);
  const wanted = cellText(input["text"]).toLowerCase();
  const count = countOf(input["lines"], context);
  const end = performance.now() + SEARCH_TIME;
  const found: string[] = [];
  let isOver = false;
  const take = (line: string): boolean => {
    isOver = performance.now() > end;
    if (line.toLowerCase().includes(wanted)) found.push(line);
    return !isOver && found.length < count;
  };
  for (const name of ["main.log", ...files.old()]) {
    if (isOver || found.length >= count) break;
    await readBack(folder, name, take);
  }
  return shown(found, isOver);
}

function write(text: string, { services, caller }: ActionContext): void {
  const { log } = services;
  if (!log.isLevelEnabled("info"))
    throw new ApiError("not configured", "set TBAPI_LOGLEVEL to info: lines of this kind are left out now");
  // Whatever ends a line or shows as something else than it is becomes a blank.
  log.info({ event: "note", by: (caller.actingFor ?? caller).username }, text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " "));
}

const LINES = "How many at most.";

const log: Action = {
  name: "log",
  operations: {
    write: {
      summary: "Writes a line to the log.",
      input: { text: "The line." },
      transactional: false,
      run: async ({ text }, context) => {
        write(cellText(text), context);
        return {};
      },
    },
    tail: {
      summary: "The last lines of a log, a row each.",
      input: { name: "`main` for the server's, or another whose file lies beside it.", lines: LINES },
      transactional: false,
      run: tail,
    },
    search: {
      summary: "The latest lines of the server's log that contain a text, in any capitals; a row each.",
      input: { text: "What they contain, sign for sign.", lines: LINES },
      transactional: false,
      run: search,
    },
    rotate: {
      summary: "Begins a new file of the server's log, and tells the name that the one before has now.",
      input: {},
      transactional: false,
      run: async (_input, context) => ({ name: filesOf(context).rotate() }),
    },
  },
};

export default log;
