/** The entries themselves: what there is, and how a changed set comes into force. */
import type { Action, ReloadReport } from "../engine/contracts.js";
import { ApiError } from "../engine/errors.js";
import type { Entry } from "../engine/registry/entry.js";
import { describeEntry, signatureOf } from "../engine/registry/reference.js";
import type { Caller } from "../engine/request.js";

const by = (caller: Caller): string => caller.actingFor?.username ?? caller.username;

function told({ generation, added, changed, removed }: ReloadReport) {
  const part = (word: string, names: string[]) =>
    names.length === 0
      ? []
      : [`${word}: ${names.slice(0, 50).join(", ")}${names.length > 50 ? ` and ${names.length - 50} more` : ""}`];
  const parts = [...part("added", added), ...part("changed", changed), ...part("removed", removed)];
  const text = parts.length === 0 ? "nothing changed" : parts.join("; ");
  return { generation, text, added: added.length, changed: changed.length, removed: removed.length };
}

const open = (entries: Iterable<Entry>): Entry[] => [...new Set(entries)].filter((entry) => entry.closed === undefined);

const registry: Action = {
  name: "registry",
  operations: {
    reload: {
      summary:
        "Reads all definitions again and puts them into force at once, or none; `undo` brings the rows before the last reload back.",
      input: { "what?": "`undo` or nothing." },
      transactional: false,
      async run({ what }, { services, caller }) {
        return told(
          await (what === "undo" ? services.registry.undo(by(caller)) : services.registry.reload(by(caller))),
        );
      },
    },
    list: {
      summary: "The entries that there are, a row each.",
      input: {},
      transactional: true,
      async run(_input, { services }) {
        const rows = open(services.registry.current.entries.values())
          .sort((one, other) => (one.name < other.name ? -1 : 1))
          .map((entry) => ({ entry: signatureOf(entry), audience: entry.audience, summary: entry.summary }));
        return { rows, columns: ["entry", "audience", "summary"] };
      },
    },
    explain: {
      summary: "One entry: who may call it, its parameters, and requests with their answers.",
      input: { entry: "Its name." },
      transactional: true,
      async run({ entry: name }, { services }) {
        const entry = services.registry.current.entries.get(String(name).toLowerCase());
        if (entry === undefined || entry.closed !== undefined)
          throw new ApiError("not found", "no entry of that name can be called");
        return { text: describeEntry(entry) };
      },
    },
  },
};

export default registry;
