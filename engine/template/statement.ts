/** What kind of statement a tree is, and the statements and forms that are refused by name. */
import type { CompiledTemplate } from "./template.js";
import { Fault } from "./tokens.js";
import { eachList, isOperator, isWord, type Leaf, type Node, nameOf } from "./tree.js";

export interface Statement {
  items: Node[];
  verb: CompiledTemplate["verb"];
  /** Defines tables: no value can be bound in it. */
  defines: boolean;
}

const SHOWS = new Set(["select", "values", "table", "explain", "show", "describe", "desc"]);
const CHANGES = new Set(["insert", "update", "delete", "replace"]);
const DEFINES = new Set(["create", "alter", "drop", "truncate"]);

const TRANSACTION = "transactions are opened and closed by the server: give an entry 'transaction: true'";
const CONNECTION = "the connection is shared, so its settings, locks and state can't be changed by a statement";
const ONE = "a statement has no flow of its own: write one statement a step, with 'when' and 'expect'";
const EXEC = "procedures are called by call name(...)";
const OWNER = "this is the database owner's business, not a request's";
const REFUSED_VERBS = spread([
  ["begin start commit rollback savepoint release end xa save abort", TRANSACTION],
  ["set use lock unlock pragma attach detach handler prepare deallocate reset flush", CONNECTION],
  ["declare go goto if while print raiserror throw return waitfor delimiter do signal", ONE],
  ["exec execute", EXEC],
  ["merge", "write insert ... on duplicate key update, or update and insert as two steps"],
  ["vacuum load grant revoke kill shutdown install uninstall purge change backup restore bulk dbcc import", OWNER],
]);

const ID = "add 'returning id' to the insert, or use {step.insertId}";
const REMOTE = "other servers and files are out of reach: use an action";
const REFUSED_CALLS = spread([
  ["newid", "let the caller send an id, or use uuid() on MariaDB and hex(randomblob(16)) on SQLite"],
  ["scope_identity ident_current", ID],
  ["openrowset openquery opendatasource load_file load_extension readfile writefile sys_exec sys_eval", REMOTE],
  ["sleep benchmark", "a statement may not wait"],
  ["get_lock release_lock release_all_locks", CONNECTION],
]);

/** Two words that follow each other, and what to write instead. */
const REFUSED_PAIRS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ["cross", spread([["apply", "write a join with a subquery"]])],
  ["outer", spread([["apply", "write a left join with a subquery"]])],
  [
    "for",
    spread([
      ["xml", "read the rows, and ask for format=xml"],
      ["json", "read the rows, and ask for format=json"],
    ]),
  ],
  ["into", spread([["outfile dumpfile", REMOTE]])],
  [
    "output",
    spread([
      ["inserted", ID],
      ["deleted", "write returning where the database has it, or select before"],
    ]),
  ],
]);

function spread(groups: readonly (readonly [words: string, advice: string])[]): ReadonlyMap<string, string> {
  return new Map(groups.flatMap(([words, advice]) => words.split(" ").map((word) => [word, advice] as const)));
}

/** The one statement of `items`, without a semicolon behind it. Errors: {@link Fault}. */
export function inspect(items: readonly Node[]): Statement {
  const end = items.findLastIndex((node) => !isOperator(node, ";")) + 1;
  const statement = items.slice(0, end);
  const first = firstWord(statement);
  const second = statement.find((node) => isOperator(node, ";"));
  refuseVerb(first);
  if (second !== undefined) throw new Fault(second.at, "only one statement is run: a ; may stand at the end alone");
  const verb = first.plain === "with" ? verbBehindWith(statement) : first.plain;
  eachList(statement, (list) => refuseForms(list, verb === "select"));
  const returns =
    !SHOWS.has(verb) && statement.some((node, at) => isWord(node, "returning") && !isColumn(statement, at));
  return {
    items: statement,
    verb: verb === "call" || returns ? "call" : SHOWS.has(verb) ? "select" : "change",
    defines: DEFINES.has(verb),
  };
}

/** A select may begin with a parenthesis. */
function firstWord(items: readonly Node[]): Leaf {
  const [first] = items;
  if (first === undefined) throw new Fault(0, "there is no statement");
  if (first.kind === "group" && first.items.length > 0) {
    const inner = firstWord(first.items);
    if (SHOWS.has(inner.plain) || inner.plain === "with") return inner;
  }
  if (first.kind !== "word") throw new Fault(first.at, "a statement begins with a word such as select or update");
  return first;
}

function refuseVerb({ plain, text, at }: Leaf): void {
  const advice = plain.startsWith("xp_") || plain.startsWith("sp_") ? EXEC : REFUSED_VERBS.get(plain);
  if (advice !== undefined) throw new Fault(at, `${text} is not available: ${advice}`);
  if (SHOWS.has(plain) || CHANGES.has(plain) || DEFINES.has(plain) || plain === "with" || plain === "call") return;
  throw new Fault(
    at,
    `${text} begins no statement: there are ${[...SHOWS, ...CHANGES, ...DEFINES].join(", ")}, with, call`,
  );
}

function verbBehindWith(items: readonly Node[]): string {
  const verb = items.find((node) => node.kind === "word" && (SHOWS.has(node.plain) || CHANGES.has(node.plain)));
  if (verb?.kind !== "word")
    throw new Fault(items[0]?.at ?? 0, "behind with (...) comes a select, insert, update or delete");
  return verb.plain;
}

const isColumn = (list: readonly Node[], at: number): boolean =>
  isOperator(list[at - 1], ".") || isOperator(list[at + 1], ".");

function refuseForms(list: readonly Node[], selects: boolean): void {
  for (let at = 0; at < list.length; at += 1) {
    const node = list[at] as Node;
    const next = list[at + 1];
    const name = nameOf(node);
    if (name === undefined || isColumn(list, at)) continue;
    if (next?.kind === "group") refuseCall(node, name);
    if (node.kind !== "word") continue;
    const advice = next?.kind === "word" ? REFUSED_PAIRS.get(name)?.get(next.plain) : undefined;
    if (advice !== undefined) throw new Fault(node.at, `${name} ${nameOf(next)} is not available: ${advice}`);
    if (name === "into" && selects)
      throw new Fault(node.at, "select ... into is not available: write insert into ... select");
    if (["update", "delete", "insert"].includes(name) && isWord(next, "top"))
      throw new Fault(node.at, `${name} top can't be translated: choose the rows by where id in (select top ...)`);
  }
}

function refuseCall({ at }: Node, name: string): void {
  const advice = name.startsWith("xp_") ? EXEC : REFUSED_CALLS.get(name);
  if (advice !== undefined) throw new Fault(at, `${name}() is not available: ${advice}`);
}
