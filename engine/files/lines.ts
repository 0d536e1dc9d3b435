/** The lines of a file from its last to its first, read in blocks from the end. */
import type { OpenFile } from "./folder.js";

const BLOCK = 65_536;
/** Bytes of a line; what is longer is cut. */
const LONGEST = 65_536;
const LINE_END = 10;

/** Empty lines are left out. The file stays open. Memory: two blocks, however long the file. */
export async function* linesFromEnd({ handle, size }: OpenFile): AsyncGenerator<string> {
  // The rest of the line whose start stands in an earlier block.
  let rest: Buffer = Buffer.alloc(0);
  for (let end = size; end > 0; end -= BLOCK) {
    const start = Math.max(0, end - BLOCK);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    let stop = bytesRead;
    for (let at = lineEndBefore(buffer, stop); at >= 0; at = lineEndBefore(buffer, stop)) {
      const line = joined(buffer.subarray(at + 1, stop), rest);
      if (line.length > 0) yield line.toString("utf8");
      rest = Buffer.alloc(0);
      stop = at;
    }
    rest = joined(buffer.subarray(0, stop), rest);
  }
  if (rest.length > 0) yield rest.toString("utf8");
}

/** A negative offset would count from the end. */
const lineEndBefore = (block: Buffer, stop: number): number =>
  stop === 0 ? -1 : block.lastIndexOf(LINE_END, stop - 1);

const joined = (start: Buffer, rest: Buffer): Buffer =>
  rest.length === 0 ? start : Buffer.concat([start, rest]).subarray(0, LONGEST);
