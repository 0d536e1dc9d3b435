/** What the texts and statements of a definition may name. */
import type { TemplateScope } from "../template/template.js";
import type { TextEnvironment } from "./texts.js";

/** Columns of tb_users that nothing shows and no definition uses. */
export const SECRET_FIELDS: ReadonlySet<string> = new Set(["password", "pin", "pinhash", "fastregpassword"]);

/** The name under which every text and statement finds the settings: `{setting.currency}`. */
export const SETTING = "setting";

export interface DefinitionScope extends TemplateScope {
  readonly texts: TextEnvironment;
  /** Collects the caller's fields that were named, so that a login reads no others. */
  readonly usedFields: Set<string>;
}

/**
 * The same with other steps. Written out, since a spread gives each object a shape of its own, and whatever looks at such
 * objects takes many times as long.
 */
export const withSteps = (scope: DefinitionScope, steps: DefinitionScope["steps"]): DefinitionScope => ({
  params: scope.params,
  open: scope.open,
  callerFields: scope.callerFields,
  secretFields: scope.secretFields,
  plainUserId: scope.plainUserId ?? false,
  steps,
  texts: scope.texts,
  usedFields: scope.usedFields,
});
