/** What a body is: its text, its content type, and the format of the answer that fits it. */
import { ApiError } from "./errors.js";
import type { AnswerFormat } from "./request.js";

/** `text/xml; charset=utf-8` → `text/xml`. */
const mediaTypeOf = (contentType: string): string => {
  const end = contentType.indexOf(";");
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
};

/** The body's text in the charset of its content type, UTF-8 by default. Errors: ApiError "wrong parameter". */
export function textOf(body: Buffer, contentType: string): string {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    throw new ApiError("wrong parameter", "the charset of the body is not known; send UTF-8");
  }
}

const STRUCTURED = /^(?:application|text)\/(?:[\w.-]+\+)?(xml|json)$/;

/**
 * The content type under which a body is read: its own where that tells, otherwise what its first character tells, since
 * some clients call everything a form.
 */
export function readAs(body: Buffer, contentType: string): string {
  const media = mediaTypeOf(contentType);
  if (media === "multipart/form-data") return media;
  const structure = STRUCTURED.exec(media)?.[1] ?? structureOf(body);
  if (structure === "json") return "application/json";
  return structure === undefined ? "application/x-www-form-urlencoded" : "text/xml";
}

function structureOf(body: Buffer): "json" | "xml" | undefined {
  const start = body.toString("latin1", 0, 100).replace(BYTE_ORDER_MARK, "").trimStart()[0];
  if (start === "{") return "json";
  return start === "<" ? "xml" : undefined;
}
const BYTE_ORDER_MARK = /^\xef\xbb\xbf/;

/** The format of an answer to such a body where the request names none. */
export function answerFormatOf(body: Buffer, contentType: string): AnswerFormat {
  if (body.length === 0) return "text";
  const read = readAs(body, contentType);
  if (read === "application/json") return "json";
  if (read !== "text/xml") return "text";
  return /soap/i.test(contentType) || SOAP_ENVELOPE.test(body.toString("latin1", 0, 1000)) ? "soap" : "xml";
}
const SOAP_ENVELOPE = /<(?:[\w.-]+:)?Envelope[\s>]/;
