/** Collects what is wrong with one definition, each thing with the place where it stands. */
import { type DefinitionFault, FaultError } from "../errors.js";
import type { Path } from "./definition.js";

/** Both count from 1. */
export interface Position {
  line: number;
  column: number;
}

export const START: Position = { line: 1, column: 1 };

/** A place in a text that begins at `start` of a longer one, as a place of that one. */
export const shifted = ({ line, column }: Position, start: Position): Position => ({
  line: line + start.line - 1,
  column: line === 1 ? column + start.column - 1 : column,
});

/** The same fault in the longer text. */
export function movedFault({ message, ...place }: FaultError, start: Position): FaultError {
  const { line, column } = shifted(place as Position, start);
  return new FaultError(message, line, column);
}

/** `atKey`: the name at the path's end, not its value. `inner`: a place inside of the text that stands there. */
export interface Spot {
  atKey?: boolean;
  inner?: Position;
}

/** From a path in a definition to a place in its source. */
export type Locate = (path: Path, spot?: Spot) => Position;

/** Who is at fault and how to find the place. */
export interface Origin {
  entry: string;
  /** A file's path relative to the project, or `tb_api`. */
  source: string;
  locate: Locate;
  /** Stands before a message on what is at that path: the column of a row. */
  label?(path: Path): string;
}

export class Faults {
  readonly list: DefinitionFault[] = [];
  readonly origin: Origin;

  constructor(origin: Origin) {
    this.origin = origin;
  }

  add(path: Path, message: string, spot?: Spot): void {
    const { entry, source, locate, label } = this.origin;
    this.list.push({ entry, source, ...locate(path, spot), message: `${label?.(path) ?? ""}${message}` });
  }

  /**
   * What `work` gives; undefined when it threw a FaultError, which is kept with its place inside of the text at `path`, or
   * of the part of it that begins at `start`.
   */
  attempt<T>(path: Path, work: () => T, start = START): T | undefined {
    try {
      return work();
    } catch (cause) {
      if (!(cause instanceof FaultError)) throw cause;
      this.add(path, cause.message, { inner: shifted(cause, start) });
      return undefined;
    }
  }
}
