/** Statements as they are shown to administrators: without the values in them. */

const LONGEST = 300;

/**
 * From the first quote to the last all is left out, since databases differ in how a quote within a text is written; numbers
 * too.
 */
export const withoutValues = (statement: string): string =>
  statement
    .replace(/'[\s\S]*'/, "'...'")
    .replace(/\b\d[\w.]*/g, "?")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, LONGEST);
