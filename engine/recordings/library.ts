/** The folder of the recorded calls: `SIPCALLID.wav` or `.mp3`, in it or in a folder of the call's day, `2026-11-25`. */
import { Folder, type OpenFile } from "../files/folder.js";
import { partOf, textOfPart } from "../files/names.js";
import type { Call } from "./calls.js";

const AUDIO_FORMATS = ["mp3", "wav"] as const;
export type AudioFormat = (typeof AUDIO_FORMATS)[number];

export interface Recording {
  call: Call;
  /** Parts of its name. */
  file: readonly string[];
  format: AudioFormat;
  size: number;
}

/** A file of the folder. */
export interface AudioFile {
  /** Relative to the folder. */
  name: string;
  sipcallid: string;
  size: number;
}

const DAY = /^\d{4}-\d\d-\d\d$/;
const AUDIO = /^(.+)\.(mp3|wav)$/;

export class RecordingLibrary {
  readonly #folder: Folder;

  constructor(root: string) {
    this.#folder = new Folder(root);
  }

  open({ file }: Recording): Promise<OpenFile> {
    return this.#folder.open(file);
  }

  /** The recording of a call; of one that is there twice, the one that needs no conversion. */
  async find(call: Call, wanted: AudioFormat): Promise<Recording | undefined> {
    const stem = partOf(call.sipcallid);
    const formats = [wanted, ...AUDIO_FORMATS.filter((format) => format !== wanted)];
    for (const format of formats)
      for (const folder of [[], [call.datum.slice(0, 10)]]) {
        const file = [...folder, `${stem}.${format}`];
        const size = await this.#sizeOf(file);
        if (size !== undefined) return { call, file, format, size };
      }
    return undefined;
  }

  /** All recordings, a folder after the other. */
  async *all(): AsyncGenerator<AudioFile> {
    for (const { name, isFolder } of await this.#folder.list()) {
      if (!isFolder) yield* this.#audioFile([name]);
      else if (DAY.test(name))
        for (const below of await this.#folder.list(name))
          if (!below.isFolder) yield* this.#audioFile([name, below.name]);
    }
  }

  /** None where the name is no recording's, or the file has gone. */
  async *#audioFile(file: readonly string[]): AsyncGenerator<AudioFile> {
    const stem = AUDIO.exec(file.at(-1) ?? "")?.[1];
    const sipcallid = stem === undefined ? undefined : textOfPart(stem);
    const size = sipcallid === undefined ? undefined : await this.#sizeOf(file);
    if (sipcallid !== undefined && size !== undefined) yield { name: file.join("/"), sipcallid, size };
  }

  async #sizeOf(file: readonly string[]): Promise<number | undefined> {
    const found = await this.#folder.find(file);
    await found?.handle.close();
    return found?.size;
  }
}
