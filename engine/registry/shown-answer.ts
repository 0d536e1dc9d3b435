/** The answer of an example as people read it; where it is a pattern, `N` stands for digits and `…` for what differs. */

const PATTERN = /^\/(.*)\/$/s;
/** Any number of lines; a sign of its own; a set of signs and how often it stands there. */
const PARTS = /(\(\.\*\\n\)\*)|\\([^dwsS])|(\\[dwsS]|\[[^\]]*\]|\.)([*+]|\{\d+(?:,\d*)?\})?|[$^]/g;
const DIGITS = /^(\\d|\[[\d.\\-]*\]|\[\\d\.\])$/;
const SIGNS: Readonly<Record<string, string>> = { n: "\n", t: "\t" };

/** `answer` is a text, or a pattern between slashes. */
export function shownAnswer(answer: string): string {
  const pattern = PATTERN.exec(answer)?.[1];
  if (pattern === undefined) return answer;
  const shown = pattern.replace(PARTS, (whole, lines?: string, sign?: string, set?: string, often?: string) => {
    if (lines !== undefined) return "…\n";
    if (sign !== undefined) return SIGNS[sign] ?? sign;
    return set === undefined ? "" : shownSet(whole, set, often);
  });
  return `${pattern.startsWith("^") ? "" : "…"}${shown}${/[^\\]\$$/.test(pattern) ? "" : "…"}`;
}

function shownSet(whole: string, set: string, often: string | undefined): string {
  if (set === "." && often === undefined) return whole;
  if (!DIGITS.test(set)) return "…";
  if (often === "*") return "";
  return "N".repeat(Number(/\d+/.exec(often ?? "")?.[0] ?? 1));
}
