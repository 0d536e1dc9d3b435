/** What one entry is, in words made of its definition: for `help` and for the reference page. */
import type { AccessRule, Entry, Example, ParamSpec } from "./entry.js";

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

/** Several lines: who may call it, what it takes, and requests with their answers. Nothing in it looks like a failure. */
export function describeEntry(entry: Entry): string {
  const { name, summary, access, aliases, params, examples } = entry;
  const names = aliases.length === 0 ? "" : ` Also called ${aliases.join(", ")}.`;
  const good = examples.filter(({ answer }) => !/error/i.test(answer));
  return [
    `${name}: ${summary}${names}`,
    `For ${whoMay(access)}.`,
    ...(params.length === 0
      ? []
      : ["", "Parameters, in this order where they have no names:", ...params.map(paramLine)]),
    ...good.flatMap((example) => ["", ...exampleLines(entry, example)]),
  ].join("\n");
}

function whoMay({ user, key, ip, console: onConsole, limit }: AccessRule): string {
  if (onConsole) return `${WHO[user]}, on the console only`;
  const parts = [WHO[user], ...(key ? ["with the key"] : []), ...(ip ? ["from a trusted address"] : [])];
  if (limit !== "common") parts.push("tightly limited");
  return parts.join(", ");
}

function paramLine({ name, required, allowed, default: standard, aliases, summary }: ParamSpec): string {
  const facts = [
    required ? "required" : "optional",
    allowed,
    ...(standard === undefined ? [] : [`${standard} where it is left out`]),
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
  const pattern = /^\/(.*)\/$/s.exec(answer)?.[1];
  return [
    title === undefined ? "Example:" : `Example: ${title}`,
    `    /mvapireq/?${query}`,
    ...(pattern === undefined ? answer.split("\n") : [`an answer that fits ${pattern}`]).map((line) => `    ${line}`),
  ];
}
