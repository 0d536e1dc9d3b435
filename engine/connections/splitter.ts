/** Cuts a stream of bytes into lines, in linear time however small the pieces are. */

export interface SplitterOptions {
  /** A line without its LF or CR LF. */
  line(bytes: Buffer): void;
  /** Bytes that a line may have; asked for each piece. */
  limit(): number;
  /** Called once for a line that is too long; nothing more is cut then. */
  tooLong(): void;
}

export class Splitter {
  readonly #options: SplitterOptions;
  #partial: Buffer[] = [];
  #length = 0;
  #stopped = false;

  constructor(options: SplitterOptions) {
    this.#options = options;
  }

  /** Bytes of the line that has not ended yet. */
  get pending(): number {
    return this.#length;
  }

  write(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.#append(chunk.subarray(start, end));
      this.#emit();
      start = end + 1;
    }
    if (start < chunk.length) this.#append(chunk.subarray(start));
  }

  /** What stands behind the last line end is a line too. */
  end(): void {
    if (this.#length > 0) this.#emit();
  }

  #append(piece: Buffer): void {
    if (this.#stopped) return;
    this.#partial.push(piece);
    this.#length += piece.length;
    if (this.#length <= this.#options.limit()) return;
    this.#stopped = true;
    this.#clear();
    this.#options.tooLong();
  }

  #emit(): void {
    if (this.#stopped) return;
    const line = Buffer.concat(this.#partial);
    this.#clear();
    this.#options.line(line.at(-1) === CR ? line.subarray(0, -1) : line);
  }

  #clear(): void {
    this.#partial = [];
    this.#length = 0;
  }
}

const LF = 10;
const CR = 13;
