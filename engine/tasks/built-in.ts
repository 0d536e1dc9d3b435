/** The tasks that every server has: `definitions/tasks.yaml`. */
import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { makeAjv } from "../ajv.js";
import type { TaskDefinition } from "./task.js";

const FILE = "tasks.yaml";
const text = { type: "string" };
const flag = { type: "boolean" };

const validate = makeAjv({ allErrors: true }).compile<(Partial<TaskDefinition> & { name: string; cron: string })[]>({
  type: "array",
  items: {
    type: "object",
    properties: {
      name: { type: "string", pattern: "^[a-z0-9_.-]{1,64}$" },
      cron: text,
      timezone: text,
      sqlcommand: text,
      action: text,
      actionbody: text,
      eachrow: flag,
      catchup: flag,
    },
    required: ["name", "cron"],
    additionalProperties: false,
  },
});

/** `folder` is that of the definitions. Errors: Error that tells what is wrong with the file. */
export async function readBuiltIn(folder: URL): Promise<TaskDefinition[]> {
  const document = parseDocument(await readFile(new URL(FILE, folder), "utf8"), { prettyErrors: true });
  const [fault] = document.errors;
  if (fault !== undefined) throw new Error(`definitions/${FILE}: ${fault.message}`);
  const data: unknown = document.toJS();
  if (!validate(data)) {
    const [{ instancePath = "", message = "" } = {}] = validate.errors ?? [];
    throw new Error(`definitions/${FILE}: ${instancePath} ${message}`);
  }
  const empty = { timezone: "", sqlcommand: "", action: "", actionbody: "", eachrow: false, catchup: false };
  return data.map((task) => ({ ...empty, ...task }));
}
