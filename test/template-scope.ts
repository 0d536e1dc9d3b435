/** The scopes and the caller of the tests of templates. */
import type { BoundValue } from "../engine/database/database.js";
import type { Lookup, ScopeParam, TemplateScope } from "../engine/template/template.js";

const list = (count: number): string[] => Array.from({ length: count }, (_, index) => `c${index}`);
const params = new Map<string, ScopeParam>([
  ["credit", { kind: "amount" }],
  ["n", { kind: "integer" }],
  ["txt", { kind: "text" }],
  ["pin", { kind: "text" }],
  ["names", { kind: "list", most: 3 }],
  ["secretword", { kind: "secret" }],
  ["column", { kind: "text", values: ["id", "name"] }],
  ["direction", { kind: "text", values: ["asc", "desc"] }],
  ["phrase", { kind: "text", values: ["id", "id desc"] }],
  ["many", { kind: "text", values: list(15) }],
  ["many2", { kind: "text", values: list(15) }],
]);
const closed: TemplateScope = {
  params,
  open: false,
  callerFields: new Set(["id", "username", "email", "credit", "password", "pin"]),
  secretFields: new Set(["password", "pin"]),
  steps: new Set(["first"]),
};
export const SCOPES = { closed, open: { ...closed, open: true } };

const CALLER: Record<string, BoundValue> = { id: 7, username: "ann", email: "ann@example.com", credit: "9.8" };

/** Looks values up as the interpreter does for the caller ann. A field of a step is named `step.field`. */
export const lookupOf =
  (given: Readonly<Record<string, BoundValue | undefined>>): Lookup =>
  (source) => {
    if (source.from === "caller") return CALLER[source.field];
    if (source.from === "step") return given[`${source.step}.${source.field}`];
    return source.from === "either" ? CALLER[source.name] : given[source.name];
  };
