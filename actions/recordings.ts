/** Recorded calls: those that a caller may have, as audio or in a zip, and what there is of them. */
import type { Action, ActionContext, Input } from "../engine/contracts.js";
import { ApiError } from "../engine/errors.js";
import { type Call, findCalls } from "../engine/recordings/calls.js";
import { oneRecording, zippedRecordings } from "../engine/recordings/delivery.js";
import { type AudioFormat, type Recording, RecordingLibrary } from "../engine/recordings/library.js";
import { syncRecordings } from "../engine/recordings/sync.js";
import type { Cell } from "../engine/request.js";

/** Calls that are looked at for a recording. */
const MOST_CALLS = 1_000;

function libraryOf({ services }: ActionContext): RecordingLibrary {
  const { recordingsroot } = services.settings.current;
  if (recordingsroot !== "") return new RecordingLibrary(recordingsroot);
  throw new ApiError("not configured", "set recordingsroot to the folder of the recorded calls");
}

async function find(input: Input, context: ActionContext) {
  const library = libraryOf(context);
  const format: AudioFormat = input["format"] === "wav" ? "wav" : "mp3";
  const isZip = input["zip"] === 1;
  const { format: _, zip: __, records, ...filter } = input;
  const calls = await findCalls(filter as Record<string, Cell>, context.caller, MOST_CALLS, context.session);
  const found = await recordingsOf(calls, format, isZip ? Number(records ?? 100) : 1, library);
  const [first] = found;
  if (first === undefined) throw new ApiError("not found", noneOf(calls.length));
  const content = isZip ? zippedRecordings(found, format, library) : oneRecording(first, format, library);
  return { content, count: found.length };
}

const noneOf = (calls: number): string =>
  calls === 0 ? "no call of yours fits" : `none of the ${calls} latest calls that fit has a recording`;

async function recordingsOf(calls: readonly Call[], format: AudioFormat, most: number, library: RecordingLibrary) {
  const found: Recording[] = [];
  for (const call of calls) {
    if (found.length >= most) break;
    const recording = await library.find(call, format);
    if (recording !== undefined) found.push(recording);
  }
  return found;
}

const recordings: Action = {
  name: "recordings",
  operations: {
    find: {
      summary: "The recordings of calls, the latest first; the entry answers them with `content:`.",
      input: {
        format: "`mp3` or `wav`.",
        zip: "1 for a zip of all of them, 0 for the latest one.",
        "records?": "How many at most, in a zip.",
        "cdrid?": "Id of the call in tb_cdrs.",
        "callid?": "The call's SIP Call-ID.",
        "userid?": "Id of a user who called or was called.",
        "parentuserid?": "Id of the reseller of such a user.",
        "days?": "`today`, `lastweek`, `lastmonth`, `thismonth`, or a number of days.",
        "fromdt?": "From that time on, UTC.",
        "todt?": "Until that time, UTC.",
        "caller?": "Number, name or id of who called.",
        "called?": "Number, name or id of who was called.",
      },
      transactional: false,
      run: find,
    },
    sync: {
      summary: "Brings tb_recordings up to date with the folder of the recordings and with tb_cdrs.",
      input: {},
      transactional: false,
      run: async (_input, context) => ({ ...(await syncRecordings(libraryOf(context), context.services.database)) }),
    },
  },
};

export default recordings;
