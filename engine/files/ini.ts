/**
 * The text of an ini file: `[section]`, `key=value`, comments behind `;` or `#`. Names are matched without regard to case; what
 * is not changed stays as it is, comments and all. Own code, since no library that was found keeps comments.
 */
import { ApiError } from "../errors.js";

export interface IniKey {
  section: string;
  key: string;
  value: string;
}

const MOST_NAME = 128;
const SECTION = /^\s*\[([^\]]*)\]/;

interface Line {
  text: string;
  section: string;
  /** Of a line that has one: the name, what stands in front of the value, and the value. */
  key?: { name: string; head: string; value: string };
}

function linesOf(text: string): Line[] {
  let section = "";
  return text.split(/\r?\n/).map((line): Line => {
    section = SECTION.exec(line)?.[1]?.trim() ?? section;
    const equals = line.indexOf("=");
    const name = line.slice(0, Math.max(equals, 0)).trim();
    if (name === "" || /^[;#[]/.test(name)) return { text: line, section };
    const value = line.slice(equals + 1).trim();
    // A value is trimmed when it is read, so that blanks before it belong to what stands in front.
    const head = line.slice(0, equals + 1) + (/^[ \t]*/.exec(line.slice(equals + 1))?.[0] ?? "");
    return { text: line, section, key: { name, head, value } };
  });
}

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** All keys in their order. */
export const iniKeys = (text: string): IniKey[] =>
  linesOf(text).flatMap(({ section, key }) => (key ? [{ section, key: key.name, value: key.value }] : []));

/** The value of a key; of one that stands there twice, the first. */
export const iniValue = (text: string, section: string, key: string): string | undefined =>
  iniKeys(text).find((it) => same(it.section, section) && same(it.key, key))?.value;

/** The text with that value: in its place, behind the section's last line, or in a new section at the end. */
export function withIniValue(text: string, wanted: IniKey): string {
  const { section, key, value } = checked(wanted);
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = linesOf(text);
  const texts = lines.map((line) => line.text);
  const there = lines.findIndex((line) => same(line.section, section) && line.key && same(line.key.name, key));
  if (there >= 0) texts[there] = `${lines[there]?.key?.head}${value}`;
  else {
    const last = lines.findLastIndex((line) => same(line.section, section) && line.text.trim() !== "");
    if (last >= 0) texts.splice(last + 1, 0, `${key}=${value}`);
    else texts.splice(texts.at(-1) === "" ? -1 : texts.length, 0, `[${section}]`, `${key}=${value}`);
  }
  const joined = texts.join(newline);
  return joined.endsWith(newline) ? joined : joined + newline;
}

/** Errors: ApiError "wrong parameter" for what would be read as something else than it was written as. */
function checked({ section, key, value }: IniKey): IniKey {
  const wrong = (what: string) => new ApiError("wrong parameter", what);
  if (/[[\]\p{Cc}]/u.test(section) || !isName(section))
    throw wrong(`section must be at most ${MOST_NAME} characters without brackets`);
  if (/^[;#[]|[=\p{Cc}]/u.test(key) || !isName(key))
    throw wrong(`key must be at most ${MOST_NAME} characters without =, and begin with none of ; # [`);
  if (/\p{Cc}/u.test(value)) throw wrong("value must be one line of text");
  return { section, key, value: value.trim() };
}

/** Whether it may be the name of a section or a key by its length and its ends. */
export const isName = (name: string): boolean => name !== "" && name === name.trim() && name.length <= MOST_NAME;
