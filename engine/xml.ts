/** XML in and out: a small tree of elements, and text that can stand in a document. */
import { SaxesParser } from "saxes";
import { ApiError } from "./errors.js";

/** An element; names without their prefixes. */
export interface XmlElement {
  name: string;
  attributes: [string, string][];
  children: XmlElement[];
  /** Its own text, CDATA included. */
  text: string;
}

const DEEPEST = 16;
const MOST_ELEMENTS = 2000;

/**
 * The root element of a well-formed document. Document types, and with them entities of one's own, are refused.
 * Errors: ApiError "wrong parameter".
 */
export function parseXml(text: string): XmlElement {
  const document = element("", []);
  const open = [document];
  let count = 0;
  const append = (part: string) => {
    const current = open[open.length - 1];
    if (current !== undefined) current.text += part;
  };
  const parser = new SaxesParser({});
  parser.on("doctype", () => refuse("document types and entities are not accepted"));
  parser.on("error", (fault) =>
    refuse(`line ${parser.line} is malformed (${fault.message.replace(/^\d+:\d+: /, "")})`),
  );
  parser.on("opentag", (tag) => {
    count += 1;
    if (open.length > DEEPEST || count > MOST_ELEMENTS) refuse("it is nested too deeply or has too many elements");
    const child = element(tag.name, Object.entries(tag.attributes));
    open[open.length - 1]?.children.push(child);
    open.push(child);
  });
  parser.on("closetag", () => open.pop());
  parser.on("text", append);
  parser.on("cdata", append);
  parser.write(text).close();
  return document.children[0] ?? refuse("there is no element");
}

const element = (name: string, attributes: [string, string][]): XmlElement => ({
  name: localName(name),
  attributes: attributes.map(([attribute, value]) => [attribute, value]),
  children: [],
  text: "",
});

export const localName = (name: string): string => name.slice(name.indexOf(":") + 1);

function refuse(why: string): never {
  throw new ApiError("wrong parameter", `the XML body can't be read: ${why}`);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for XML and HTML, in content and in attributes; characters that XML can't carry become U+FFFD. */
export const escapeMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? "").replace(FORBIDDEN, "\ufffd");
const FORBIDDEN = /[^\P{Cc}\t\r\n]|\p{Cs}|[\ufffe\uffff]/gu;

/** A name that may stand in a tag: `count(*)` → `count___`. */
export const elementName = (name: string): string => {
  const safe = name.replace(/[^A-Za-z0-9_.-]/g, "_");
  return /^[A-Za-z_]/.test(safe) ? safe : `_${safe}`;
};
