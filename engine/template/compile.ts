/** SQL templates to statements with bound values: everything that a request does not decide is decided here. */
import type { Dialect } from "../database/database.js";
import { ApiError, FaultError } from "../errors.js";
import { reader, wrong } from "./bind.js";
import { emit } from "./emit.js";
import { refuseKeywords, resolveKeywords } from "./keywords.js";
import { rewrite } from "./rewrite.js";
import { inspect } from "./statement.js";
import type { CompiledTemplate, CompileTemplate, Lookup, TemplateScope, TranslateStatement } from "./template.js";
import { Fault, tokenise } from "./tokens.js";
import { type Choice, grow, isOperator } from "./tree.js";

/** See template.ts. Errors: FaultError with line and column. */
export const compileTemplate: CompileTemplate = (text, scope, dialect) => {
  try {
    const { verb, waits, emitted } = translated(text, scope, dialect);
    const { texts, bindings } = emitted;
    return {
      verb,
      waits,
      dialect,
      texts,
      bindings,
      bind: binder(emitted),
      // Asked of faulty statements alone: kept, the pieces would be most of what an entry takes in memory.
      position: (sent, offset) => lineAndColumn(text, translated(text, scope, dialect).emitted.origin(sent, offset)),
    };
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    const { line, column } = lineAndColumn(text, cause.at);
    throw new FaultError(cause.message, line, column);
  }
};

/** Errors: {@link Fault}. */
function translated(text: string, scope: TemplateScope, dialect: Dialect) {
  const tree = grow(tokenise(text));
  const waits = isOperator(tree[0], "*");
  const { items, verb, defines } = inspect(waits ? tree.slice(1) : tree);
  return { verb, waits, emitted: emit(rewrite(resolveKeywords(items, scope, defines), dialect), dialect) };
}

/** See template.ts. Errors: ApiError "wrong parameter" that tells line and column. */
export const translateStatement: TranslateStatement = (text, dialect) => {
  try {
    const { items, verb } = inspect(grow(tokenise(text)));
    refuseKeywords(items);
    const [sent = ""] = emit(rewrite(items, dialect), dialect).texts;
    return { text: sent, verb };
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    const { line, column } = lineAndColumn(text, cause.at);
    throw new ApiError("wrong parameter", `line ${line}, column ${column} of the statement: ${cause.message}`);
  }
};

function binder({ texts, bindings, choices }: ReturnType<typeof emit>): CompiledTemplate["bind"] {
  const readers = bindings.map(reader);
  const [only = ""] = texts;
  const choose = choices.length === 0 ? () => only : chooser(texts, choices);
  return (lookup) => {
    const values = new Array(readers.length);
    for (let index = 0; index < readers.length; index += 1) values[index] = readers[index]?.(lookup);
    return { text: choose(lookup), values };
  };
}

/** Which text the values of the request choose. */
function chooser(texts: readonly string[], choices: readonly Choice[]): (lookup: Lookup) => string {
  const columns = choices.map(({ param, values }) => ({
    source: { from: "param", name: param } as const,
    values,
    indexes: new Map(values.map((value, index) => [value.toLowerCase(), index])),
  }));
  return (lookup) => {
    let at = 0;
    for (const { source, values, indexes } of columns) {
      const index = indexes.get(String(lookup(source) ?? "").toLowerCase());
      if (index === undefined) throw wrong(source, `one of ${values.join(", ")}`);
      at = at * values.length + index;
    }
    return texts[at] as string;
  };
}

function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}
