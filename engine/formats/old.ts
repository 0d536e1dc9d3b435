/** Answers of the old interface: `OK` or what was asked for, `ERROR:reason`, and statuses of its own. */
import { lineOf, oneLine } from "../answer.js";
import type { Format } from "../contracts.js";
import { OLD_STATUSES, type OldStatus } from "../old-api/table.js";
import type { Answer, ApiRequest } from "../request.js";

type Asked = Pick<ApiRequest, "entry" | "old">;

const old: Format = {
  name: "old",
  reads: [],
  writes: ["old"],
  encode: (answer, request) => ({ contentType: "text/plain; charset=utf-8", body: bodyOf(answer, request) }),
  status: (answer, request) =>
    answer.ok ? 200 : (OLD_STATUSES.find((line) => isFitting(line, answer.text, request))?.status ?? 412),
};
export default old;

function bodyOf(answer: Answer, request: Asked): string {
  if (!answer.ok) return `ERROR:${answer.text}`;
  return request.old?.answer === "ok" ? "OK" : oneLine(lineOf(answer));
}

/** The text of a failure is `class: detail`, and the detail of a wrong parameter begins with its name. */
function isFitting(line: OldStatus, text: string, { entry, old: request }: Asked): boolean {
  const [errorClass = "", detail = ""] = text.split(": ", 2);
  return (
    (line.class === undefined || line.class === errorClass) &&
    (line.entry === undefined || line.entry === entry) &&
    (line.pincode === undefined || line.pincode === (request?.pincode ?? false)) &&
    (line.parameter === undefined || line.parameter.includes(detail.split(" ")[0] ?? ""))
  );
}
