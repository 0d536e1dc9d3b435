/** What one entry is, in words made of its definition: for `help` and for the reference page. */
import type { AccessRule, Entry, Example, ParamSpec } from "./entry.js";
import { shownAnswer } from "./shown-answer.js";

const WHO: Readonly<Record<AccessRule["user"], string>> = {
  2: "nobody",
  4: "server administrators",
  6: "administrators",
  8: "owners, resellers and administrators",
  10: "the support and administrators",
  11: "users whose phone is registered",
  12: "every user",
  14: "everybody, without a login",
};

/** `deluser,u_id?,u_username? (u_id or u_username)`: what a line of the console may hold; `name=?` is sent by its name only. */
export function signatureOf({ name, params, needs }: Entry): string {
  const words = params.map(
    ({ name: param, required, position }) => `${param}${position < 0 ? "=" : ""}${required ? "" : "?"}`,
  );
  const groups = needs.map((group) => group.join(" or ")).join("; ");
  return `${[name, ...words].join(",")}${groups === "" ? "" : ` (${groups})`}`;
}

/** Several lines: who may call it, what it takes, and requests with their good answers. Nothing in it looks like a failure. */
export const describeEntry = (entry: Entry): string => describe(entry, goodOf(entry));

/** The same for a page: an entry that needs something first, such as a switch, shows how it says so. */
export function documentEntry(entry: Entry): string {
  const good = goodOf(entry);
  return describe(entry, good.length > 0 ? good : entry.examples);
}

const goodOf = ({ examples }: Entry): readonly Example[] => examples.filter(({ answer }) => !/error/i.test(answer));

function describe(entry: Entry, examples: readonly Example[]): string {
  const { name, summary, access, aliases, params, needs } = entry;
  const names = aliases.length === 0 ? "" : ` Also called ${aliases.join(", ")}.`;
  return [
    `${name}: ${summary}${names}`,
    `For ${whoMay(access)}.`,
    ...(params.length === 0
      ? []
      : ["", "Parameters, in this order where they have no names:", ...params.map(paramLine)]),
    ...(entry.origin === "tb_api" && params.length === 0
      ? ["", "Any parameters; those without a name are sparam1, sparam2 and so on."]
      : []),
    ...needs.map((group) => `Of ${group.join(" and ")} at least one is required.`),
    ...examples.flatMap((example) => ["", ...exampleLines(entry, example)]),
  ].join("\n");
}

function whoMay({ user, key, ip, console: onConsole, limit }: AccessRule): string {
  if (onConsole) return `${WHO[user]}, on the console only`;
  const parts = [WHO[user], ...(key ? ["with the key"] : []), ...(ip ? ["from a trusted address"] : [])];
  if (limit !== "common") parts.push("tightly limited");
  return parts.join(", ");
}

function paramLine({ name, required, position, allowed, default: standard, aliases, summary }: ParamSpec): string {
  const facts = [
    required ? "required" : "optional",
    allowed,
    ...(standard === undefined ? [] : [`${standard} where it is left out`]),
    ...(position < 0 ? ["by its name only"] : []),
    ...(aliases.length === 0 ? [] : [`also ${aliases.join(", ")}`]),
  ];
  return `- ${name} (${facts.join("; ")}): ${summary}`;
}

function exampleLines(entry: Entry, { title, as, request, answer }: Example): string[] {
  const login: [string, string][] =
    as === undefined
      ? []
      : [
          ["authid", as],
          ["authpwd", "PASSWORD"],
        ];
  const key: [string, string][] = entry.access.key ? [["authkey", "KEY"]] : [];
  const query = new URLSearchParams([["apientry", entry.name], ...key, ...login, ...Object.entries(request)]);
  return [
    title === undefined ? "Example:" : `Example: ${title}`,
    `    /mvapireq/?${query}`,
    ...shownAnswer(answer)
      .trimEnd()
      .split("\n")
      .map((line) => `    ${line}`),
  ];
}
