/** Builds the next set of entries aside: files and rows, compiled where they changed, every statement prepared. */
import type { Delivery, Operation } from "../contracts.js";
import type { Column, Database, StatementFault } from "../database/database.js";
import type { DefinitionFault } from "../errors.js";
import { makeSlices } from "../slices.js";
import { type CompileContext, type Compiled, compileDefinition } from "./compile.js";
import type { Entry } from "./entry.js";
import { Faults, shifted } from "./faults.js";
import type { ApiRow } from "./from-rows.js";
import { type DefinitionFile, parseDefinition, readDefinitions } from "./from-yaml.js";
import { compileRow, faultyEntry } from "./overlay.js";
import { SECRET_FIELDS } from "./scope.js";
import { makeTextEnvironment } from "./texts.js";

export interface BuildOptions {
  database: Database;
  /** Operations of actions by name, such as `ledger.transfer`. */
  operations: ReadonlyMap<string, Operation>;
  /** Deliveries of actions by name, such as `email.deliver`. */
  deliveries: ReadonlyMap<string, Delivery>;
  definitionsFolder: URL;
  /** Seals a new password. */
  seal(clear: string): string;
}

/** Rows of tb_api as JSON, by the names of their entries. */
export type RowTexts = ReadonlyMap<string, string>;

/** What was compiled, and from what: it is used again as long as that is the same. */
interface Made {
  from: string;
  base: Entry | undefined;
  compiled: Compiled;
}

interface Cache {
  context: CompileContext;
  /** The tables as JSON, and the statements that are good on them. */
  schema: string;
  prepared: ReadonlySet<string>;
  files: ReadonlyMap<string, Made>;
  rows: ReadonlyMap<string, Made>;
}

/** A set that is not in force yet. */
export interface Candidate {
  /** What is wrong with files: nothing can be put into force. */
  fileFaults: DefinitionFault[];
  /** What is wrong with rows. */
  rowFaults: DefinitionFault[];
  /** All entries by all their names; those of faulty rows are closed. */
  entries: ReadonlyMap<string, Entry>;
  cache: Cache;
}

export class Builder {
  readonly #options: BuildOptions;
  readonly #signs = new Map<string, string>();
  readonly #texts = makeTextEnvironment(this.#signs);
  #inForce: Cache | undefined;

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  /** What is compiled in the next builds is held against this one. */
  adopt({ cache }: Candidate): void {
    this.#inForce = cache;
  }

  async build(rows: RowTexts): Promise<Candidate> {
    const { definitionsFolder } = this.#options;
    const schema = await this.#options.database.schema();
    const context = await this.#context(schema);
    const files = await readDefinitions(definitionsFolder);
    const ofFiles = await this.#compileFiles(files, context);
    const bases = basesOf(ofFiles.values());
    const ofRows = await this.#compileRows(rows, bases, context);
    const findings = new Findings();
    findNameClashes(ofFiles.values(), findings);
    const tables = JSON.stringify([...schema]);
    const prepared = await this.#prepare([...ofFiles.values(), ...ofRows.values()], tables, findings);
    const faultsOf = (made: ReadonlyMap<string, Made>) =>
      [...made.values()].flatMap(({ compiled }) => findings.of(compiled));
    return {
      fileFaults: faultsOf(ofFiles),
      rowFaults: faultsOf(ofRows),
      entries: this.#compose(bases, ofRows, findings),
      cache: { context, schema: tables, prepared, files: ofFiles, rows: ofRows },
    };
  }

  /** The context of the set in force where tb_users has the same columns, so that what was compiled against it fits. */
  async #context(schema: ReadonlyMap<string, Column[]>): Promise<CompileContext> {
    const { database, operations, deliveries, seal } = this.#options;
    const columns = schema.get("tb_users") ?? [];
    const callerFields = new Set(columns.map(({ name }) => name).filter((name) => !SECRET_FIELDS.has(name)));
    const { rows } = await database.run({ text: "select code, sign from tb_currencies", values: [] });
    this.#signs.clear();
    for (const { code, sign } of rows) if (code && sign) this.#signs.set(String(code), String(sign));
    const before = this.#inForce?.context;
    if (before !== undefined && [...before.callerFields].join() === [...callerFields].join()) return before;
    return { dialect: database.dialect, callerFields, actions: operations, deliveries, texts: this.#texts, seal };
  }

  async #compileFiles(files: readonly DefinitionFile[], context: CompileContext): Promise<Map<string, Made>> {
    const slice = makeSlices();
    const made = new Map<string, Made>();
    const before = this.#inForce?.context === context ? this.#inForce.files : undefined;
    for (const file of files) {
      await slice();
      const known = before?.get(file.source);
      made.set(
        file.source,
        known?.from === file.text ? known : { from: file.text, base: undefined, compiled: compileFile(file, context) },
      );
    }
    return made;
  }

  async #compileRows(
    rows: RowTexts,
    bases: ReadonlyMap<string, Entry>,
    context: CompileContext,
  ): Promise<Map<string, Made>> {
    const slice = makeSlices();
    const made = new Map<string, Made>();
    const before = this.#inForce?.context === context ? this.#inForce.rows : undefined;
    for (const [name, from] of rows) {
      await slice();
      const base = bases.get(name);
      const known = before?.get(name);
      const same = known?.from === from && known.base === base;
      made.set(name, same ? known : { from, base, compiled: compileRow(JSON.parse(from) as ApiRow, base, context) });
    }
    return made;
  }

  /** Each text once, and none that was good on the same tables before; gives the good ones. */
  async #prepare(made: readonly Made[], schema: string, findings: Findings): Promise<ReadonlySet<string>> {
    const texts = new Set(made.flatMap(({ compiled }) => compiled.templates.flatMap(({ template }) => template.texts)));
    const before = this.#inForce?.schema === schema ? this.#inForce.prepared : undefined;
    const unknown = before === undefined ? texts : [...texts].filter((text) => !before.has(text));
    const faults = await this.#options.database.check(unknown);
    if (faults.size > 0) for (const { compiled } of made) findings.addStatements(compiled, faults);
    for (const text of faults.keys()) texts.delete(text);
    return texts;
  }

  #compose(bases: ReadonlyMap<string, Entry>, rows: ReadonlyMap<string, Made>, findings: Findings) {
    const entries = new Map(bases);
    for (const [name, { base, compiled }] of rows) {
      const good = findings.of(compiled).length === 0 ? compiled.entry : undefined;
      entries.set(name, good ?? faultyEntry(name, base));
    }
    for (const [name, entry] of bases)
      if (name !== entry.name && !rows.has(name)) entries.set(name, entries.get(entry.name) ?? entry);
    return entries;
  }
}

/** What is found out after compiling; what was compiled stays as it is, since it is used again. */
class Findings {
  readonly #later = new Map<Compiled, Faults>();

  of(compiled: Compiled): readonly DefinitionFault[] {
    const later = this.#later.get(compiled)?.list ?? [];
    return later.length === 0 ? compiled.faults.list : [...compiled.faults.list, ...later];
  }

  faults(compiled: Compiled): Faults {
    const known = this.#later.get(compiled) ?? new Faults(compiled.faults.origin);
    this.#later.set(compiled, known);
    return known;
  }

  addStatements(compiled: Compiled, faults: ReadonlyMap<string, StatementFault>): void {
    for (const { path, template, start } of compiled.templates) {
      // The texts of a fixed list mostly have the same fault.
      const told = new Set<string>();
      for (const text of template.texts) {
        const fault = faults.get(text);
        if (fault === undefined || told.has(fault.message)) continue;
        told.add(fault.message);
        this.faults(compiled).add(path, fault.message, {
          inner: shifted(template.position(text, fault.offset ?? 0), start),
        });
      }
    }
  }
}

function compileFile(file: DefinitionFile, context: CompileContext): Compiled {
  const { definition, faults } = parseDefinition(file);
  if (definition === undefined) return { entry: undefined, templates: [], faults };
  const { name, subject, source } = file;
  const audience = typeof definition.access === "string" ? definition.access : definition.access.preset;
  const identity = { name, subject, audience, origin: "built-in", source: `${source}:1` } as const;
  return compileDefinition(definition, identity, context, faults);
}

/** Built-in entries by all their names. */
function basesOf(files: Iterable<Made>): Map<string, Entry> {
  const bases = new Map<string, Entry>();
  for (const { compiled } of files)
    if (compiled.entry !== undefined)
      for (const name of [compiled.entry.name, ...compiled.entry.aliases]) bases.set(name, compiled.entry);
  return bases;
}

/** A name stands for one entry. */
function findNameClashes(files: Iterable<Made>, findings: Findings): void {
  const owners = new Map<string, string>();
  for (const { compiled } of files) {
    const { entry, source } = compiled.faults.origin;
    for (const name of [entry, ...(compiled.entry?.aliases ?? [])]) {
      const owner = owners.get(name);
      if (owner !== undefined)
        findings.faults(compiled).add(name === entry ? [] : ["aliases"], `'${name}' stands in ${owner} already`);
      owners.set(name, source);
    }
  }
}
