/** How a text becomes messages: its coding, and its parts as phones count them. */
import smpp from "smpp";

/** `gsm`: seven bits a character, `ucs2`: sixteen. */
export type Coding = "gsm" | "ucs2";

export interface CodedText {
  coding: Coding;
  /** In their order; joined they are the text. One at least. */
  parts: string[];
}

/** Units that a message holds alone, and as a part of several, where a header takes some of its room. */
const ROOM: Readonly<Record<Coding, { alone: number; part: number }>> = {
  gsm: { alone: 160, part: 153 },
  ucs2: { alone: 70, part: 67 },
};

const ESCAPE = "\x1b";
const { chars, extChars } = smpp.gsmCoder.GSM;
const BASIC: ReadonlySet<string> = new Set([...chars].filter((character) => character !== ESCAPE));
/** Sent with an escape before them, so that each counts as two. */
const EXTENDED: ReadonlySet<string> = new Set(extChars);

/** UCS-2 where the text has a character that GSM-7 lacks, or where it is wanted (`unicode`). */
export function codeText(text: string, unicode = false): CodedText {
  const characters = [...text];
  const isGsm = !unicode && characters.every((character) => BASIC.has(character) || EXTENDED.has(character));
  const coding = isGsm ? "gsm" : "ucs2";
  return { coding, parts: split(characters, coding) };
}

/** Neither a pair of surrogates nor an escaped character is torn apart. */
function split(characters: readonly string[], coding: Coding): string[] {
  const size = (character: string) => (coding === "ucs2" ? character.length : EXTENDED.has(character) ? 2 : 1);
  const { alone, part } = ROOM[coding];
  const total = characters.reduce((sum, character) => sum + size(character), 0);
  if (total <= alone) return [characters.join("")];
  const parts: string[] = [];
  let [current, used] = ["", 0];
  for (const character of characters) {
    if (used + size(character) > part) {
      parts.push(current);
      [current, used] = ["", 0];
    }
    current += character;
    used += size(character);
  }
  return [...parts, current];
}

/**
 * The header by which a phone joins parts; empty for a message of one. Its reference is made of the message's id: a part
 * that is sent again is the same part to a phone.
 */
export const partHeader = ({ id, parts }: { id: number; parts: readonly string[] }, part: number): Buffer =>
  parts.length === 1 ? Buffer.alloc(0) : Buffer.from([5, 0, 3, id & 0xff, parts.length, part]);

/** A text that can be sent: what is half a character becomes the sign for that. */
export const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\ufffd");
