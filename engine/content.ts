/** How the file of an answer goes out: as it is over HTTP, as base64 in the answer's text elsewhere. */
import { ApiError } from "./errors.js";
import type { Answer, AnswerFormat, ApiRequest, Content, OpenedContent } from "./request.js";
import type { Settings } from "./settings.js";

/** Formats that a program takes apart. XML is none of them: clients that want all in XML expect a recording as audio. */
const TAKEN_APART: ReadonlySet<AnswerFormat> = new Set<AnswerFormat>(["json", "jsonp", "jppget", "soap"]);

const goesAsItIs = ({ format, peer }: ApiRequest): boolean =>
  (peer.transport === "http" || peer.transport === "https") && !TAKEN_APART.has(format);

/** The answer with its file opened, or with the file's bytes as its text. Errors: ApiError. */
export async function withContent(content: Content, request: ApiRequest, { maxfiletext }: Settings): Promise<Answer> {
  const opened = await content.open();
  if (!goesAsItIs(request)) return { ok: true, text: (await wholeOf(opened, maxfiletext)).toString("base64") };
  const { type, filename } = content;
  return { ok: true, text: "", file: { ...opened, type, filename } };
}

async function wholeOf({ stream, size = 0 }: OpenedContent, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const tooLong = () => {
    stream.destroy();
    return new ApiError("failed", `the file is longer than ${most} bytes (maxfiletext); get it over HTTP as it is`);
  };
  if (size > most) throw tooLong();
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
