/** Times as the database holds them: text in UTC, to the second. */

/** Milliseconds. */
export const DAY = 86_400_000;

/** `2026-11-25 15:39:00` of milliseconds since 1970. */
export const toDatetime = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ");

/** Milliseconds since 1970; 0 for what is no time. */
export const fromDatetime = (text: string): number => Date.parse(`${text.replace(" ", "T")}Z`) || 0;
