/** From an answer to its bytes: the format that the request asked for, framed as its transport needs it. */
import { codeOf, oneLine } from "./answer.js";
import { writerOf } from "./formats.js";
import type { Answer, AnswerFormat, ApiRequest, EncodedAnswer, Peer } from "./request.js";
import type { Settings } from "./settings.js";

/** Never throws for an answer of the engine. */
export function encode(
  answer: Answer,
  request: Pick<ApiRequest, "format" | "callback" | "entry" | "old"> & { peer: Peer },
  settings: Settings,
): EncodedAnswer {
  const { file, close = false } = answer;
  if (file !== undefined) return { status: 200, contentType: file.type, body: "", file, close };
  const { encode: write, status = codeOf } = writerOf(request.format);
  const { contentType, body } = write(answer, request);
  const { transport } = request.peer;
  return {
    status: settings.httpstrictresponse ? status(answer, request) : 200,
    contentType,
    body: transport === "tcp" || transport === "tls" ? asLines(body, answer, request.format) : body,
    close,
    ...(answer.relay === undefined ? {} : { relay: answer.relay }),
  };
}

/** On a line transport an answer is one line; rows in text form are several and end in an empty one. */
function asLines(body: string, answer: Answer, format: AnswerFormat): string {
  const hasRows = answer.rows !== undefined && !answer.prose && (format === "text" || format === "cleartext");
  return hasRows ? `${body}\n\n` : `${oneLine(body)}\n`;
}
