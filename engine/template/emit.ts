/** A finished tree as the texts that are sent, with what stands where their `?` are. */
import type { Dialect } from "../database/database.js";
import type { Binding } from "./template.js";
import { Fault } from "./tokens.js";
import type { Choice, Node } from "./tree.js";

/** A part of a text and where it came from. */
interface Piece {
  text: string;
  at: number;
  /** Set where each variant has a value of its own. */
  choice?: Choice;
}

interface Draft {
  dialect: Dialect;
  pieces: Piece[];
  bindings: Binding[];
  /** The last choice of each parameter. */
  chosen: Map<string, Choice>;
}

/** A text for each combination of values; the values of the last choice change fastest. */
export interface Emitted {
  texts: readonly string[];
  bindings: readonly Binding[];
  choices: readonly Choice[];
  /** Offset in the template of a place of one of the texts. */
  origin(text: string, offset: number): number;
}

/** An exact number of the databases' own: a `?` alone would be compared as text. */
const AMOUNT: Record<Dialect, string> = { mariadb: "cast(? as decimal(18,6))", sqlite: "cast(? as numeric)" };

const MAX_TEXTS = 200;

/** Takes a tree without keywords. Errors: {@link Fault} when fixed lists choose among too many texts. */
export function emit(items: readonly Node[], dialect: Dialect): Emitted {
  const draft: Draft = { dialect, pieces: [], bindings: [], chosen: new Map() };
  write(items, draft);
  const { pieces, bindings } = draft;
  const choices = [...draft.chosen.values()];
  const count = choices.reduce((product, { values }) => product * values.length, 1);
  if (count > MAX_TEXTS)
    throw new Fault(choices[0]?.at ?? 0, `the fixed lists choose among ${count} texts; at most ${MAX_TEXTS} are kept`);
  const variants = combinations(choices);
  const texts = variants.map((variant) => pieces.map((piece) => textOf(piece, variant)).join(""));
  return {
    texts,
    bindings,
    choices,
    origin(text, offset) {
      const variant = variants[texts.indexOf(text)] ?? new Map();
      let start = 0;
      for (const piece of pieces) {
        const end = start + textOf(piece, variant).length;
        if (offset < end) return piece.at + Math.min(Math.max(0, offset - start), Math.max(0, piece.text.length - 1));
        start = end;
      }
      return pieces.at(-1)?.at ?? 0;
    },
  };
}

function write(items: readonly Node[], draft: Draft): void {
  const add = (text: string, at: number) => draft.pieces.push({ text, at });
  let before: Node | undefined;
  for (const node of items) {
    const { at } = node;
    if (before !== undefined && (node.spaced || wouldMerge(before, node))) add(" ", at);
    before = node;
    switch (node.kind) {
      case "group":
        add("(", at);
        write(node.items, draft);
        add(")", at);
        break;
      case "run":
        write(node.items, draft);
        break;
      case "value":
        draft.bindings.push(node.binding);
        add(node.binding.kind === "amount" && !node.binding.literal ? AMOUNT[draft.dialect] : "?", at);
        break;
      case "choice":
        draft.chosen.set(node.param, node);
        draft.pieces.push({ text: "", at, choice: node });
        break;
      case "string":
        add(quote("'", node.plain), at);
        break;
      case "name":
        add(quote('"', node.plain), at);
        break;
      default:
        add(node.text, at);
    }
  }
}

/** `{column}asc` is two words. */
const wouldMerge = (before: Node, node: Node): boolean =>
  (standsIn(before) && !isMark(node)) || (standsIn(node) && !isMark(before));
const standsIn = (node: Node): boolean => node.kind === "value" || node.kind === "choice";
const isMark = (node: Node): boolean => node.kind === "operator" || node.kind === "group";

const quote = (mark: string, text: string): string => mark + text.replaceAll(mark, mark + mark) + mark;

const textOf = (piece: Piece, variant: ReadonlyMap<string, string>): string =>
  piece.choice === undefined ? piece.text : (variant.get(piece.choice.param) ?? "");

const combinations = (choices: readonly Choice[]): Map<string, string>[] =>
  choices.reduce<Map<string, string>[]>(
    (variants, { param, values }) =>
      variants.flatMap((variant) => values.map((value) => new Map(variant).set(param, value))),
    [new Map()],
  );
