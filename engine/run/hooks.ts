/** Hooks: what an entry does after its answer, made into items of the outbox. */
import type { OutboxItem } from "../contracts.js";
import type { Statement } from "../database/database.js";
import type { BodyParts } from "../registry/bodies.js";
import type { Entry, Hook, RunScope } from "../registry/entry.js";
import type { HookBody } from "../registry/hooks.js";
import type { Caller } from "../request.js";
import { bindTemplate } from "./bind.js";

/** The body of an item of kind `sql` or `change`. */
export interface StoredStatement {
  text: string;
  values: (string | number | null)[];
}

/** The body of an item of kind `prepare`: a delivery's, in which selects are still to be run. */
export interface Unprepared {
  kind: string;
  body: Readonly<Record<string, Unread>>;
}
type Unread = string | number | StoredParts | readonly Unread[];
/** A text in parts. */
interface StoredParts {
  parts: readonly (string | StoredStatement)[];
}

/** The items of one outcome. Values are bound now, while the request is known; the texts were compiled at load. */
export function hookItems(
  on: Hook["on"],
  entry: Pick<Entry, "name" | "hooks">,
  caller: Caller,
  scope: RunScope,
): OutboxItem[] {
  const items = entry.hooks.filter((hook) => hook.on === on).flatMap((hook) => itemsOf(hook, scope));
  return items.map((item) => ({ ...item, entry: entry.name, userId: caller.id }));
}

function itemsOf(hook: Hook, scope: RunScope): Pick<OutboxItem, "kind" | "body">[] {
  if (hook.kind === "sql") return [{ kind: "sql", body: storable(bindTemplate(hook.template, scope)) }];
  return hook.bodies(scope).map((fields) => {
    const body = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, unread(value)]));
    const whole = Object.values(body).every(isRead);
    return whole ? { kind: hook.delivery, body } : { kind: "prepare", body: { kind: hook.delivery, body } };
  });
}

function unread(value: HookBody[string] | number): Unread {
  if (typeof value !== "object") return value;
  const [first] = value;
  if (Array.isArray(first) || typeof first === "number" || value.length === 0)
    return (value as readonly (BodyParts | number)[]).map(unread);
  const parts = (value as BodyParts).map((part) =>
    typeof part === "string" ? part : storable(bindTemplate(part.template, part.run)),
  );
  return parts.every((part) => typeof part === "string") ? parts.join("") : { parts };
}

const isRead = (value: Unread): boolean =>
  typeof value !== "object" || (Array.isArray(value) && (value as readonly Unread[]).every(isRead));

/** What a delivery is to be handed: each select in its place. `read` runs one. */
export async function prepared(
  { kind, body }: Unprepared,
  read: (statement: StoredStatement) => Promise<string>,
): Promise<Pick<OutboxItem, "kind" | "body">> {
  const whole = async (value: Unread): Promise<unknown> => {
    if (typeof value !== "object") return value;
    if (!("parts" in value)) return Promise.all(value.map(whole));
    const texts: string[] = [];
    for (const part of value.parts) texts.push(typeof part === "string" ? part : await read(part));
    return texts.join("");
  };
  const fields = Object.entries(body).map(async ([name, value]) => [name, await whole(value)] as const);
  return { kind, body: Object.fromEntries(await Promise.all(fields)) };
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
