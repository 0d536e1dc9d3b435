/** From wave to mp3 and back, by lame or ffmpeg, whichever is installed. */
import { execa } from "execa";
import { ApiError } from "../errors.js";
import { streamOf } from "../files/content.js";
import type { OpenFile } from "../files/folder.js";
import type { AudioFormat } from "./library.js";

/** Words of each program. The audio comes in on standard input; ffmpeg is told its form, since some forms name other files. */
const PROGRAMS: readonly (readonly [string, Readonly<Record<AudioFormat, readonly string[]>>])[] = [
  ["lame", { mp3: ["--quiet", "-"], wav: ["--quiet", "--mp3input", "--decode", "-"] }],
  [
    "ffmpeg",
    {
      mp3: ["-hide_banner", "-loglevel", "quiet", "-y", "-f", "wav", "-i", "pipe:0", "-f", "mp3"],
      wav: ["-hide_banner", "-loglevel", "quiet", "-y", "-f", "mp3", "-i", "pipe:0", "-f", "wav"],
    },
  ],
];

/**
 * Writes audio of the other format to a new file at `path`; `open` gives the audio, once for each program that is tried.
 * Errors: ApiError "not configured" where neither program is there, "failed" for audio that is none and when `signal` ends it.
 */
export async function convert(
  open: () => Promise<OpenFile>,
  format: AudioFormat,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  for (const [program, words] of PROGRAMS) {
    const { failed, code } = await execa(program, [...words[format], path], {
      input: streamOf(await open()).stream,
      stdout: "ignore",
      stderr: "ignore",
      reject: false,
      cancelSignal: signal,
      // Nothing of the server's environment, which holds its secrets
      env: { PATH: process.env["PATH"] ?? "" },
      extendEnv: false,
    });
    if (!failed) return;
    if (code === "ENOENT") continue;
    if (signal.aborted)
      throw new ApiError("failed", "the conversion took too long; ask for fewer recordings, or for the other format");
    throw new ApiError("failed", `a recording can't be converted to ${format}; ask for the other format`);
  }
  throw new ApiError("not configured", "install lame or ffmpeg on the server to convert recordings");
}
