import { DatabaseError } from "./database/database.js";

/**
 * The one family of errors that a caller is shown: `ERROR: <class>: <detail>`.
 * Each class of the table below is part of the interface: clients split the text at its colons.
 */
export const ERROR_CLASSES = {
  "auth failed": "The key, the user or the password does not fit.",
  "access denied": "The caller is known, but may not do this.",
  "unknown entry": "No entry has that name.",
  "wrong parameter": "A parameter is missing or is not of its type.",
  "not found": "What the request names does not exist.",
  conflict: "The request contradicts what is there already.",
  "no credit": "The account has not enough credit.",
  "too many requests": "A limit is reached; the text tells the seconds to wait.",
  "not configured": "The owner of the server has to set something first; the text tells what.",
  "not available": "This can't be done now, or not yet.",
  failed: "The request was understood and could not be carried out.",
} as const;

export type ErrorClass = keyof typeof ERROR_CLASSES;

/** An error whose words are meant for the caller. Anything else that is thrown is shown as an internal one. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** A complete text that stands in place of `class: detail`, where clients look for one (`new nonce is:...EOF`). */
  readonly verbatim: string | undefined;
  readonly errorClass: ErrorClass;
  readonly detail: string;
  constructor(errorClass: ErrorClass, detail: string, options: { cause?: unknown; verbatim?: string } = {}) {
    super(`${errorClass}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.errorClass = errorClass;
    this.detail = detail;
    this.verbatim = options.verbatim;
  }
  /** What stands behind `ERROR: `. */
  get text(): string {
    return this.verbatim ?? `${this.errorClass}: ${this.detail}`;
  }
}

/** Thrown by a delivery of the outbox where a later try may do better. The message is for the administrator. */
export class PassingError extends Error {
  override readonly name = "PassingError";
}

/** A fault in a definition, for the person who wrote it: where it is, and what to do. `line` and `column` count from 1. */
export interface DefinitionFault {
  /** Name of the entry that can't be used because of it. */
  entry: string;
  /** A file's path relative to the project, or `tb_api`. */
  source: string;
  line: number;
  column: number;
  message: string;
}

/** `definitions/a/b.yaml:3:7: b: message`. */
export const describeFault = (fault: DefinitionFault): string =>
  `${fault.source}:${fault.line}:${fault.column}: ${fault.entry}: ${fault.message}`;

/** Thrown where one fault ends the work on a definition; the loader collects them. Positions count from 1. */
export class FaultError extends Error {
  override readonly name = "FaultError";
  readonly line: number;
  readonly column: number;
  constructor(message: string, line = 1, column = 1) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

/** The words of others, such as a mail server's, for a good answer: clients take one that has `error` in it for a failed one. */
export const harmless = (words: string): string => words.replace(/error/gi, "fault");

/** The one door through which unknown throws become an answer. The cause is for the log, never for the caller. */
export function toApiError(cause: unknown, requestId: string): ApiError {
  if (cause instanceof ApiError) return cause;
  if (cause instanceof DatabaseError && cause.kind === "unavailable")
    return new ApiError("not available", "the database does not answer; try again", { cause });
  return new ApiError("failed", `internal error, quote ${requestId} to your administrator`, { cause });
}
