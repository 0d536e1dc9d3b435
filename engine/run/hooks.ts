/** Hooks: what an entry does after its answer, made into items of the outbox. */
import type { OutboxItem } from "../contracts.js";
import type { Statement } from "../database/database.js";
import type { Entry, Hook, RunScope } from "../registry/entry.js";
import type { Caller } from "../request.js";
import { bindTemplate } from "./bind.js";

/** The body of an item of kind `sql` or `change`. */
export interface StoredStatement {
  text: string;
  values: (string | number | null)[];
}

/** The items of one outcome. Values are bound now, while the request is known; the texts were compiled at load. */
export function hookItems(
  on: Hook["on"],
  entry: Pick<Entry, "name" | "hooks">,
  caller: Caller,
  scope: RunScope,
): OutboxItem[] {
  const items: OutboxItem[] = [];
  for (const hook of entry.hooks) {
    if (hook.on !== on) continue;
    items.push({
      kind: "sql",
      body: storable(bindTemplate(hook.template, scope)),
      entry: entry.name,
      userId: caller.id,
    });
  }
  return items;
}

/** A change that was accepted and is carried out in order: all such changes stand in one lane. */
export const deferredChange = (entry: Entry, caller: Caller, statement: Statement): OutboxItem => ({
  kind: "change",
  lane: "changes",
  body: storable(statement),
  entry: entry.name,
  userId: caller.id,
});

const storable = ({ text, values }: Statement): StoredStatement => ({
  text,
  values: values.map((value) => (typeof value === "bigint" || Buffer.isBuffer(value) ? value.toString() : value)),
});
