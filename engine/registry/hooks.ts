/** What an entry does afterwards, compiled: statements, and what deliveries of actions carry out. */
import type { Delivery } from "../contracts.js";
import type { BodyParts, BodyPlace, BodyTemplate } from "./bodies.js";
import { compileCommandLine } from "./command-lines.js";
import type { Definition, HookDefinition, Path } from "./definition.js";
import type { Hook, HookKind, RunScope } from "./entry.js";
import { START } from "./faults.js";
import { compileMessage } from "./messages.js";
import type { DefinitionScope } from "./scope.js";
import type { Statements } from "./statements.js";

/** What each kind hands to which delivery; a delivery that no action has is told at load. */
const DELIVERIES: Readonly<Record<Exclude<HookKind, "sql">, string>> = {
  email: "email.deliver",
  sms: "sms.queue",
  ring: "switch.ring",
  restart: "host.restart",
  "database-restart": "host.restart",
  reboot: "host.restart",
  command: "host.run",
};

/** In the words of `restart`. */
const RESTARTS: Readonly<Partial<Record<HookKind, string>>> = {
  restart: "service",
  "database-restart": "database",
  reboot: "server",
};

export interface HookOptions {
  scope: DefinitionScope;
  statements: Statements;
  deliveries: ReadonlyMap<string, Delivery>;
}

/** Faults are added under `["hooks", outcome, index]`. */
export function compileHooks(definitions: Definition["hooks"] = {}, options: HookOptions): Hook[] {
  const ofOutcome = (on: Hook["on"], hooks: readonly HookDefinition[] = []) =>
    hooks.flatMap((hook, index) => {
      const [[kind, body] = []] = Object.entries(hook) as [HookKind, string][];
      if (kind === undefined || body === undefined) return [];
      return compileHook(on, kind, body, ["hooks", on, index, kind], options) ?? [];
    });
  return [...ofOutcome("success", definitions.success), ...ofOutcome("failure", definitions.failure)];
}

function compileHook(on: Hook["on"], kind: HookKind, body: string, path: Path, options: HookOptions): Hook | undefined {
  const { scope, statements, deliveries } = options;
  if (kind === "sql") {
    const template = statements.compile(path, body, scope);
    return template && { on, kind, template };
  }
  const delivery = DELIVERIES[kind];
  if (!deliveries.has(delivery)) {
    statements.faults.add(
      path,
      `'${kind}' can't be carried out by this version, which has no ${delivery}; choose another action`,
    );
    return undefined;
  }
  const before = statements.placed.length;
  const bodies = bodiesOf(kind, body, { path, at: START, scope, statements });
  const selects = statements.placed.slice(before).map(({ template }) => template);
  return bodies && { on, kind, delivery, bodies, selects };
}

function bodiesOf(kind: HookKind, body: string, place: BodyPlace): ((run: RunScope) => HookBody[]) | undefined {
  switch (kind) {
    case "email":
    case "sms":
      return messageBodies(kind, body, place);
    case "command":
      return place.statements.faults.attempt(place.path, () => commandBodies(body, place));
    default:
      return () => [{ what: RESTARTS[kind] ?? kind }];
  }
}

/** The fields of a delivery's body: texts, lists of texts, or what stays as it is. */
export type HookBody = Readonly<Record<string, BodyParts | readonly BodyParts[] | string | readonly number[]>>;

function messageBodies(kind: "email" | "sms", body: string, place: BodyPlace): (run: RunScope) => HookBody[] {
  const { to, subject, text } = compileMessage(body, place);
  const { faults } = place.statements;
  if (kind === "sms" && to.length === 0) faults.add(place.path, "an sms needs a line ***TO with the number");
  if (kind === "sms" && subject !== undefined) faults.add(place.path, "an sms has no ***SUBJECT");
  const titled: BodyTemplate | undefined =
    kind === "sms" ? undefined : (subject ?? (() => [`tbapi: ${faults.origin.entry}`]));
  const message = (run: RunScope): HookBody => ({ ...(titled && { subject: titled(run) }), text: text(run) });
  // An email without ***TO goes to the administrators.
  return to.length === 0
    ? (run) => [message(run)]
    : (run) => to.map((recipient) => ({ ...message(run), to: recipient(run) }));
}

function commandBodies(body: string, place: BodyPlace): (run: RunScope) => HookBody[] {
  const { program, words } = compileCommandLine(body, place);
  const open = words.flatMap((word, index) => (word.open ? [index] : []));
  return (run) => [{ program, words: words.map(({ text }) => text(run)), open }];
}
