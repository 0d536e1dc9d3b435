/** Recordings as the answer of an entry: one as it is or converted, several in a zip. */
import { randomUUID } from "node:crypto";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Semaphore } from "async-mutex";
import { streamOf } from "../files/content.js";
import type { OpenFile } from "../files/folder.js";
import type { Content, OpenedContent } from "../request.js";
import { type Bundled, bundle } from "./bundle.js";
import { convert } from "./convert.js";
import type { AudioFormat, Recording, RecordingLibrary } from "./library.js";

const TYPES: Readonly<Record<AudioFormat, string>> = { mp3: "audio/mpeg", wav: "audio/wav" };

/** Conversions that run at a time, since each takes a processor. */
const converting = new Semaphore(2);
/** Milliseconds that the conversions of one request may take. */
const CONVERSION_TIME = 120_000;

/** `2026-11-25_15-39-00_36301112222_3612345678_17.mp3` */
function nameOf({ call }: Recording, format: AudioFormat): string {
  const parts = [call.datum.replace(" ", "_"), call.callernumber, call.callednumber, String(call.id)];
  return `${parts.map((part) => part.replace(/[^\w+-]+/g, "-")).join("_")}.${format}`;
}

export const oneRecording = (recording: Recording, format: AudioFormat, library: RecordingLibrary): Content => ({
  type: TYPES[format],
  filename: nameOf(recording, format),
  open: () => withAudio([recording], format, library, async ([audio]) => streamOf(await (audio as Audio).open())),
});

export const zippedRecordings = (
  recordings: readonly Recording[],
  format: AudioFormat,
  library: RecordingLibrary,
): Content => ({
  type: "application/zip",
  filename: "recordings.zip",
  open: () =>
    withAudio(recordings, format, library, async (all) =>
      bundle(all.map((audio): Bundled => ({ ...audio, open: async () => streamOf(await audio.open()).stream }))),
    ),
});

/** A recording in the format that is wanted. */
interface Audio {
  name: string;
  size: number;
  modified: number;
  open(): Promise<OpenFile>;
}

/** What is converted lies in a temporary folder, which goes when the stream is closed, or with a failure. */
async function withAudio(
  recordings: readonly Recording[],
  format: AudioFormat,
  library: RecordingLibrary,
  give: (audio: Audio[]) => Promise<OpenedContent>,
): Promise<OpenedContent> {
  const folder = await mkdtemp(join(tmpdir(), "tbapi-recordings-"));
  const clear = () => rm(folder, { recursive: true, force: true });
  try {
    const signal = AbortSignal.timeout(CONVERSION_TIME);
    const audio: Audio[] = [];
    for (const recording of recordings) audio.push(await audioOf(recording, format, library, folder, signal));
    const content = await give(audio);
    content.stream.once("close", () => void clear());
    return content;
  } catch (cause) {
    await clear();
    throw cause;
  }
}

async function audioOf(
  recording: Recording,
  format: AudioFormat,
  library: RecordingLibrary,
  folder: string,
  signal: AbortSignal,
): Promise<Audio> {
  const name = nameOf(recording, format);
  const source = () => library.open(recording);
  const { handle, size, modified } = await source();
  await handle.close();
  if (recording.format === format) return { name, size, modified, open: source };
  const path = join(folder, `${randomUUID()}.${format}`);
  await converting.runExclusive(() => convert(source, format, path, signal));
  return { name, size: (await stat(path)).size, modified, open: () => opened(path) };
}

async function opened(path: string): Promise<OpenFile> {
  const handle = await open(path);
  const { size, mtimeMs } = await handle.stat();
  return { handle, size, modified: mtimeMs };
}
