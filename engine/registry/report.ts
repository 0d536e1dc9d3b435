/** The words in which a reload tells what it did, or why it did nothing. */
import type { ReloadReport } from "../contracts.js";
import { ApiError, type DefinitionFault, describeFault } from "../errors.js";
import type { Entry } from "./entry.js";

/** Thrown when a set can't be put into force; the message has a line for each fault. */
export class FaultyDefinitions extends Error {
  override readonly name = "FaultyDefinitions";
  readonly faults: readonly DefinitionFault[];
  constructor(faults: readonly DefinitionFault[]) {
    super(faults.map(describeFault).join("\n"));
    this.faults = faults;
  }
}

/** Signs of one fault and of all that are shown; each faulty entry is named in any case. */
const LONGEST = 300;
const MOST = 3_000;

/** For the caller of `apireload`: each fault behind the name of its entry, in one line. */
export function refusal({ faults }: FaultyDefinitions): ApiError {
  const shown: string[] = [];
  const left = new Set<string>();
  let length = 0;
  for (const fault of faults) {
    const text = describe(fault);
    length += text.length;
    if (length <= MOST) shown.push(text);
    else left.add(fault.entry);
  }
  if (left.size > 0) shown.push(`also faulty: ${[...left].join(", ")}`);
  return new ApiError("failed", shown.join("; "));
}

function describe(fault: DefinitionFault): string {
  const { entry, source, line, column, message } = fault;
  const place = line > 1 || column > 1 ? ` (line ${line}, column ${column})` : "";
  const text = source === "tb_api" ? `${entry}: ${message}${place}` : describeFault(fault);
  const flat = text.replace(/\s+/g, " ");
  return flat.length > LONGEST ? `${flat.slice(0, LONGEST)}...` : flat;
}

type Entries = ReadonlyMap<string, Entry>;

/** What is different, by the entries' own names. An entry that was not compiled again is the same object. */
export function differences(before: Entries, after: Entries): Omit<ReloadReport, "generation"> {
  const names = (entries: Entries, wanted: (name: string, entry: Entry) => boolean) =>
    [...entries].flatMap(([name, entry]) => (entry.name === name && wanted(name, entry) ? [name] : [])).sort();
  return {
    added: names(after, (name) => !before.has(name)),
    changed: names(after, (name, entry) => before.has(name) && before.get(name) !== entry),
    removed: names(before, (name) => !after.has(name)),
  };
}
