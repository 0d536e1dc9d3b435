/** Forms with files. A file's value is its content in base64. */
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import type { Format } from "../contracts.js";
import { ApiError } from "../errors.js";
import type { ParamValue } from "../request.js";

const multipart: Format = {
  name: "multipart",
  reads: ["multipart/form-data"],
  decode: partsOf,
  writes: [],
};
export default multipart;

function partsOf(body: Buffer, contentType: string): Promise<[string, ParamValue][]> {
  return new Promise((resolve, reject) => {
    const pairs: [string, ParamValue][] = [];
    const refuse = () => reject(new ApiError("wrong parameter", "the multipart body is malformed"));
    // The body is bounded already, so a part may be as long as the whole.
    const limits = { parts: 500, fieldNameSize: 200, fieldSize: body.length, fileSize: body.length, headerPairs: 20 };
    const parser = makeParser(contentType, limits);
    if (parser === undefined) return refuse();
    parser.on("field", (name, value) => pairs.push([name, value]));
    parser.on("file", (name, stream) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => pairs.push([name, Buffer.concat(chunks).toString("base64")]));
      stream.on("error", refuse);
    });
    parser.on("partsLimit", refuse);
    parser.on("error", refuse);
    parser.on("finish", () => resolve(pairs));
    parser.end(body);
  });
}

/** undefined where the content type has no boundary. */
function makeParser(contentType: string, limits: object): BusboyInstance | undefined {
  try {
    return new Busboy({ headers: { "content-type": contentType }, limits });
  } catch {
    return undefined;
  }
}
