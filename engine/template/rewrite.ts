/** The forms of the original database in a tree, translated for one of ours. */
import type { Dialect } from "../database/database.js";
import { translateCalls } from "./calls.js";
import { deepenLimits, deleteForTruncate, dropHints, moveFetches, moveTops } from "./clauses.js";
import { shiftClocks } from "./days.js";
import { joinTexts } from "./joins.js";
import { escapeLikes } from "./like.js";
import type { Node } from "./tree.js";

/** The tree of a statement, translated. Errors: Fault for a form that can't be. */
export const rewrite = (items: readonly Node[], dialect: Dialect): readonly Node[] =>
  deleteForTruncate(rewriteList(items, dialect), dialect);

/**
 * The inner lists first, since a call that is translated may give its arguments another order. Most lists have few of the
 * forms, so each translation gives back a list without its form as it is.
 */
function rewriteList(items: readonly Node[], dialect: Dialect): readonly Node[] {
  const inner = items.map(
    (node): Node => (node.kind === "group" ? { ...node, items: rewriteList(node.items, dialect) } : node),
  );
  const called = translateCalls(dropHints(inner), dialect);
  const operated = escapeLikes(joinTexts(shiftClocks(called, dialect)));
  const limited = moveFetches(moveTops(operated));
  return dialect === "mariadb" ? deepenLimits(limited) : limited;
}
