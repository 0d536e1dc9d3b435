/** The SQL statements of one definition: compiled, and remembered with the places where they stand. */
import type { Dialect } from "../database/database.js";
import { type OptionName, SHOWN_OPTIONS } from "../options.js";
import { compileTemplate } from "../template/compile.js";
import type { CompiledTemplate, Source } from "../template/template.js";
import type { Path } from "./definition.js";
import { type Faults, type Position, START } from "./faults.js";
import { nearest } from "./nearest.js";
import { type DefinitionScope, SETTING } from "./scope.js";

export interface PlacedTemplate {
  path: Path;
  template: CompiledTemplate;
  /** Where it begins in the text at `path`. */
  start: Position;
}

export class Statements {
  readonly placed: PlacedTemplate[] = [];
  readonly faults: Faults;
  readonly #dialect: Dialect;

  constructor(dialect: Dialect, faults: Faults) {
    this.#dialect = dialect;
    this.faults = faults;
  }

  /** undefined when the text, which begins at `start` of the one at `path`, is faulty; the fault is kept with its place. */
  compile(path: Path, text: string, scope: DefinitionScope, start = START): CompiledTemplate | undefined {
    const template = this.faults.attempt(path, () => compileTemplate(text, scope, this.#dialect), start);
    if (template === undefined) return undefined;
    this.placed.push({ path, template, start });
    for (const { parts } of template.bindings)
      for (const part of parts) if (typeof part !== "string") this.#use(part, path, scope);
    return template;
  }

  #use(source: Source, path: Path, { usedFields }: DefinitionScope): void {
    if (source.from === "caller") usedFields.add(source.field);
    if (source.from === "either") usedFields.add(source.name);
    if (source.from === "step" && source.step === SETTING && !SHOWN_OPTIONS.includes(source.field as OptionName))
      this.faults.add(path, `'${source.field}' is no option that may be used; ${nearest(source.field, SHOWN_OPTIONS)}`);
  }
}
