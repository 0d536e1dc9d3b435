/** What a Handlebars text uses of a request. */
import Handlebars from "handlebars";
import { FaultError } from "../errors.js";
import { type OptionName, SHOWN_OPTIONS } from "../options.js";
import { nearest } from "./nearest.js";
import { type DefinitionScope, SETTING } from "./scope.js";

const BLOCKS = ["if", "unless", "each", "with"];
const FUNCTIONS = ["lookup", "money"];
const FIXED = ["now", "version"];

/** Visit a parsed text with `accept`. Errors: FaultError for a name that is unknown or secret. */
export class TextUses extends Handlebars.Visitor {
  /** Parameters and steps. */
  readonly names = new Set<string>();
  readonly callerFields = new Set<string>();
  /** Of open scopes: fields of the caller or parameters that are not declared. */
  readonly loose = new Set<string>();
  /** `now`, `version`. */
  readonly fixed = new Set<string>();
  /** `@index`, `@root` and the like. */
  data = false;
  readonly #scope: DefinitionScope;
  /** Depth of blocks in which other names are fields of a row. */
  #inside = 0;

  constructor(scope: DefinitionScope) {
    super();
    this.#scope = scope;
  }

  override BlockStatement(block: hbs.AST.BlockStatement): void {
    const helper = String(block.path.original);
    if (!BLOCKS.includes(helper)) throw faultAt(block, `'${helper}' is not a block; ${nearest(helper, BLOCKS)}`);
    const within = helper === "each" || helper === "with" ? 1 : 0;
    this.acceptArray(block.params);
    this.#inside += within;
    this.accept(block.program);
    this.#inside -= within;
    if (block.inverse) this.accept(block.inverse);
  }

  override MustacheStatement(mustache: hbs.AST.MustacheStatement): void {
    if (mustache.params.length === 0) this.accept(mustache.path);
    else this.#call(mustache);
  }

  override SubExpression(expression: hbs.AST.SubExpression): void {
    this.#call(expression);
  }

  override PartialStatement(partial: hbs.AST.PartialStatement): void {
    throw faultAt(partial, "a text can't include another");
  }

  override PathExpression(path: hbs.AST.PathExpression): void {
    this.data ||= path.data;
    const [name, field] = path.data ? (path.parts[0] === "root" ? path.parts.slice(1) : []) : path.parts;
    if (name === undefined) return;
    const { params, steps } = this.#scope;
    if (name === "caller") this.#callerField(path, field);
    else if (name === SETTING) this.#setting(path, field);
    else if (params.get(name)?.kind === "secret") throw faultAt(path, `'${name}' is secret and can't be shown`);
    else if (params.has(name) || steps.has(name)) this.names.add(name);
    else if (FIXED.includes(name)) this.fixed.add(name);
    else if (this.#inside > 0) return;
    else if (this.#scope.open) this.loose.add(name);
    else
      throw faultAt(path, `'${name}' is unknown; ${nearest(name, [...params.keys(), ...steps, "caller", ...FIXED])}`);
  }

  #callerField(path: hbs.AST.PathExpression, field = ""): void {
    const { callerFields, secretFields } = this.#scope;
    if (secretFields.has(field)) throw faultAt(path, `'${field}' is secret and can't be shown`);
    if (!callerFields.has(field))
      throw faultAt(path, `'${field}' is no field of the caller; ${nearest(field, [...callerFields])}`);
    this.callerFields.add(field);
  }

  #setting(path: hbs.AST.PathExpression, option = ""): void {
    if (!SHOWN_OPTIONS.includes(option as OptionName))
      throw faultAt(path, `'${option}' is no option that may be shown; ${nearest(option, SHOWN_OPTIONS)}`);
    this.names.add(SETTING);
  }

  #call(node: hbs.AST.MustacheStatement | hbs.AST.SubExpression): void {
    const helper = String((node.path as hbs.AST.PathExpression).original);
    if (!FUNCTIONS.includes(helper)) throw faultAt(node, `'${helper}' can't be called; ${nearest(helper, FUNCTIONS)}`);
    this.acceptArray(node.params);
  }
}

const faultAt = ({ loc }: hbs.AST.Node, message: string) =>
  new FaultError(message, loc.start.line, loc.start.column + 1);
