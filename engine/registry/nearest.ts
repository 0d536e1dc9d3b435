/** Advice for a misspelt name. */
import { closestMatch } from "leven";

/** `did you mean 'expect'?`, or the list of what there is when nothing is near. `known` may be empty. */
export function nearest(name: string, known: readonly string[]): string {
  const match = closestMatch(name.toLowerCase(), known, { maxDistance: Math.max(1, Math.floor(name.length / 3)) });
  if (match !== undefined) return `did you mean '${match}'?`;
  return known.length === 0 ? "there is nothing to choose from" : `there are ${known.slice(0, 20).join(", ")}`;
}
