/**
 * A statement's text as tokens. Their texts, one after the other, are the input.
 *
 *   blank      white space
 *   comment    -- to the end of the line, or from slash-star to the next star-slash (not nested)
 *   string     '...' or N'...'; '' is a quote, and nothing else is special
 *   name       "..." or `...` with the quote doubled inside, or [...] with ]] for a bracket
 *   number     1, 1.5, .5, 1e-4, 0xFF, x'FF'
 *   keyword    {name}, {step.field}; and <name> where the token before it can't end an operand, so that `a<b>c` compares
 *   word       letters, digits, _ and $, not beginning with a digit
 *   open close operator
 */
export type TokenKind =
  | "blank"
  | "comment"
  | "string"
  | "name"
  | "number"
  | "keyword"
  | "word"
  | "open"
  | "close"
  | "operator";

export interface Token {
  kind: TokenKind;
  text: string;
  /** Offset in the input. */
  at: number;
}

/** What is wrong with a template, and at which offset of its text. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

interface Form {
  kind: TokenKind;
  /** What its first character may be. */
  first: RegExp;
  form: RegExp;
}

const FORMS: readonly Form[] = [
  { kind: "blank", first: /\s/, form: /\s+/y },
  { kind: "comment", first: /[-/]/, form: /--[^\n]*|\/\*[\s\S]*?\*\//y },
  {
    kind: "number",
    first: /[xX\d.]/,
    form: /[xX]'[0-9a-fA-F]*'|0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y,
  },
  { kind: "string", first: /[nN']/, form: /[nN]?'[^']*(?:''[^']*)*'(?!')/y },
  {
    kind: "name",
    first: /["`[]/,
    form: /"[^"]*(?:""[^"]*)*"(?!")|`[^`]*(?:``[^`]*)*`(?!`)|\[[^\]]*(?:\]\][^\]]*)*\](?!\])/y,
  },
  { kind: "keyword", first: /\{/, form: /\{[ \t]*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?[ \t]*\}/y },
  { kind: "word", first: /[A-Za-z_]|[^\0-\x7f]/, form: /[\p{ID_Start}_][\p{ID_Continue}$]*/uy },
  { kind: "open", first: /\(/, form: /\(/y },
  { kind: "close", first: /\)/, form: /\)/y },
  {
    kind: "operator",
    first: /[-+*/%=<>,.;&|~!^]/,
    form: /<=>|->>|<>|<=|>=|!=|==|<<|>>|\|\||&&|->|[-+*/%=<>,.;&|~!^]/y,
  },
];
/** By the codes of ASCII characters: most have one form, and one expression for all of them takes longer. */
const FORMS_OF = Array.from({ length: 128 }, (_, code) =>
  FORMS.filter(({ first }) => first.test(String.fromCharCode(code))),
);
const ANGLE = /<[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?>/y;

/** Why a character that begins no token is there, and what to write instead. */
const STRAY: Record<string, string> = {
  "'": "this text has no closing quote; a quote inside a text is written twice",
  '"': "this quoted name has no closing quote",
  "`": "this quoted name has no closing quote",
  "[": "this [name] has no closing bracket",
  "/": "this comment has no end",
  "{": "a keyword is {name} or {step.field}, of letters, digits and _",
  "#": "# begins no comment and no table here: use -- for a comment",
  "@": "variables such as @x or @@identity are not available: name the step and use {step.field}",
  "?": "? is no keyword: use [SPARAM1] or {name}",
  ":": ":name is no keyword: use [SPARAM1] or {name}",
};

/** Words after which an operand, a name or another clause comes; every other word may end an operand. */
const BEFORE_OPERAND = new Set(
  `all and any as between binary by case collate default distinct div else escape except exists fetch first from glob having
   in intersect interval into is join like limit match mod next not offset on or over recursive references regexp returning
   rlike select set some table then top union update using values when where with xor`.split(/\s+/),
);

/** True when an operand can't end in that word, given in lower case. */
export const expectsOperand = (word: string): boolean => BEFORE_OPERAND.has(word);

/** The tokens of `text`. Errors: {@link Fault}. */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  let before: Token | undefined;
  let last: Token | undefined;
  for (let at = 0; at < text.length; ) {
    const token = angle(text, at, last, before) ?? plain(text, at);
    tokens.push(token);
    at += token.text.length;
    if (token.kind === "blank" || token.kind === "comment") continue;
    before = last;
    last = token;
  }
  return tokens;
}

function angle(text: string, at: number, last: Token | undefined, before: Token | undefined): Token | undefined {
  if (text[at] !== "<" || (last !== undefined && endsOperand(last, before))) return undefined;
  ANGLE.lastIndex = at;
  const match = ANGLE.exec(text);
  return match === null ? undefined : { kind: "keyword", text: match[0], at };
}

function endsOperand(token: Token, before: Token | undefined): boolean {
  if (token.kind === "operator" || token.kind === "open") return false;
  if (token.kind === "word") return !expectsOperand(token.text.toLowerCase());
  return !(before?.kind === "word" && before.text.toLowerCase() === "top");
}

function plain(text: string, at: number): Token {
  for (const { kind, form } of FORMS_OF[text.charCodeAt(at)] ?? FORMS) {
    form.lastIndex = at;
    if (!form.test(text)) continue;
    if (kind === "operator" && text.startsWith("/*", at)) break;
    return { kind, text: text.slice(at, form.lastIndex), at };
  }
  throw stray(text, at);
}

function stray(text: string, at: number): Fault {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  return new Fault(at, STRAY[character] ?? `${JSON.stringify(character)} can't stand in a statement outside a text`);
}
