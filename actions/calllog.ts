/** Log files of calls, as switches and gateways write them. */
import { Mutex } from "async-mutex";
import { addCallRecords, type CallRecord, callRecordOf } from "../engine/calllog/import.js";
import { recordsOf } from "../engine/calllog/records.js";
import type { Action, ActionContext } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import type { Column } from "../engine/database/database.js";
import { ApiError } from "../engine/errors.js";
import { streamOf } from "../engine/files/content.js";
import { Folder } from "../engine/files/folder.js";

const MOST_LINES = 100_000;

/** One file at a time: two requests for the same file add its calls once. */
const importing = new Mutex();

async function importLog(name: string, { services }: ActionContext) {
  const { filesroot, maxfilesize } = services.settings.current;
  if (filesroot === "") throw new ApiError("not configured", "set filesroot to the folder in which the log lies");
  const { database } = services;
  const columns = (await database.schema()).get("tb_cdrs") ?? [];
  const { records, lines, unreadable, first } = await readLog(new Folder(filesroot), name, maxfilesize, columns);
  const added = await database.transaction((session) => addCallRecords(records, columns, session));
  return { lines, added, known: records.length - added, unreadable, first };
}

async function readLog(folder: Folder, name: string, most: number, columns: readonly Column[]) {
  const records: CallRecord[] = [];
  let [lines, unreadable, first] = [0, 0, 0];
  const open = async () => {
    const file = await folder.open(name);
    const { stream, size } = streamOf(file);
    if (size <= most) return stream;
    stream.destroy();
    throw new ApiError("failed", `the log is longer than ${most} bytes (maxfilesize); send it in parts`);
  };
  for await (const record of recordsOf(open)) {
    lines += 1;
    if (lines > MOST_LINES) throw new ApiError("failed", `the log has more than ${MOST_LINES} lines; send it in parts`);
    const call = callRecordOf(record, columns);
    if (call !== undefined) records.push(call);
    else {
      unreadable += 1;
      first ||= record.line;
    }
  }
  return { records, lines, unreadable, first };
}

const calllog: Action = {
  name: "calllog",
  operations: {
    import: {
      summary: "Adds the calls of a log file to tb_cdrs whose SIP Call-ID is not there yet: all of them, or none.",
      input: { file: "CSV with the names of tb_cdrs' columns in its first line, or lines of `name=value`." },
      transactional: false,
      run: ({ file }, context) => importing.runExclusive(() => importLog(cellText(file), context)),
    },
  },
};

export default calllog;
