/** What goes wrong in a database, in the same words for both. */

export const unknownColumn = (name: string): string => `unknown column '${name}'`;
export const unknownTable = (name: string): string => `unknown table '${name}'`;
export const unknownFunction = (name: string): string => `unknown function '${name}'`;
export const ambiguous = (name: string): string => `column '${name}' is in more than one of the tables: say which`;
export const duplicate = (columns: string): string => `duplicate value for ${columns}`;
export const missing = (name: string): string => `'${name}' needs a value`;
export const check = (name: string): string => `a rule of the table forbids it: ${name}`;
export const overdue = (limit: number): string => `ended after ${limit} ms, the most that a statement may take`;

/** `near` is the rest of the statement from where it is not understood; empty at its end. */
export function syntax(near: string): string {
  const start = near.trim().slice(0, 40);
  return start === "" ? "not understood: the statement ends too early" : `syntax wrong near '${start}'`;
}

export const misfit = (column: string | undefined): string =>
  column === undefined ? "a value does not fit where it stands" : `the value does not fit '${column}'`;

export const PRIMARY_KEY = "the primary key";
export const REFERENCED = "other rows refer to this one";
export const UNREFERENCED = "the row that it refers to is not there";
export const COLUMN_COUNT = "the number of values is not that of the columns";
export const NOT_DONE = "the database could not carry it out";
export const UNBOUND = "a ? of the statement has no value";
export const ENDED = "ended, since it took longer than a statement may";
export const CONFLICT = "other changes of the same rows were in the way: try again";
export const REFUSED = "the database refused its user or password";
export const UNREACHABLE = "the database can't be reached";
export const READ_ONLY = "the database can only be read now";
export const TOO_LONG = "the rows are longer than 16 MB: ask for fewer, or for shorter ones";
export const ABSENT = "what had to be changed together is not there any more";
export const BUSY = "the database is busy: try again";

/** A sentence of the database's own: the name of the schema is left out. */
export const ownWords = (sentence: string): string => {
  const text = sentence.replace(/`?[\w$-]+`?\.(?=`?\w)/g, "").replace(/[;.]+\s*$/, "");
  return text.replace(/^[A-Z](?=[a-z ])/, (first) => first.toLowerCase());
};
