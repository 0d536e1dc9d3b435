/** XML, RDF and SOAP in, since all three arrive as text/xml; plain XML out. */
import { codeOf, lineOf, statusOf, tableOf } from "../answer.js";
import { textOf } from "../body.js";
import type { Format } from "../contracts.js";
import { ApiError } from "../errors.js";
import type { Answer, Cell, ParamValue } from "../request.js";
import { elementName, escapeMarkup, localName, parseXml, type XmlElement } from "../xml.js";

const xml: Format = {
  name: "xml",
  reads: ["text/xml"],
  decode: (body, contentType) => parametersOf(parseXml(textOf(body, contentType))),
  writes: ["xml"],
  encode: (answer) => ({
    contentType: "text/xml; charset=utf-8",
    body: `<?xml version="1.0" encoding="UTF-8"?><response>${elementsOf(answer)}</response>`,
  }),
};
export default xml;

/** Whatever the root is called, its children are the parameters. */
function parametersOf(root: XmlElement): [string, ParamValue][] {
  switch (root.name) {
    case "Envelope":
      return childrenOf(child(child(root, "Body")));
    case "RDF": {
      const description = child(root, "Description");
      return [...attributesOf(description), ...childrenOf(description)];
    }
    default:
      return childrenOf(root);
  }
}

function child(parent: XmlElement, name?: string): XmlElement {
  const found = parent.children.find((it) => name === undefined || it.name === name);
  return found ?? refuse(`${parent.name} has no ${name ?? "element"} in it`);
}

const childrenOf = (parent: XmlElement): [string, ParamValue][] =>
  parent.children.map((leaf) => {
    if (leaf.children.length > 0) refuse(`${leaf.name.slice(0, 50)} must be a text`);
    return [leaf.name, leaf.text];
  });

/** RDF may write a property as an attribute; what belongs to RDF and to XML itself is none. */
const attributesOf = (description: XmlElement): [string, ParamValue][] =>
  description.attributes
    .filter(([name]) => !/^(?:xmlns|xml|rdf)(?::|$)/.test(name))
    .map(([name, value]) => [localName(name), value]);

function refuse(why: string): never {
  throw new ApiError("wrong parameter", `the XML body can't be read: ${why}`);
}

/** `<code>`, `<status>`, `<text>` and `<rows>`: the inside of an answer in XML and in SOAP. */
export function elementsOf(answer: Answer): string {
  const head = `<code>${codeOf(answer)}</code><status>${statusOf(answer)}</status><text>${escapeMarkup(lineOf(answer))}</text>`;
  const table = tableOf(answer);
  if (table === undefined) return head;
  const tags = table.columns.map(tagOf);
  const rows = table.rows.map((cells) => `<row>${cells.map((cell, at) => cellOf(tags[at], cell)).join("")}</row>`);
  return `${head}<rows>${rows.join("")}</rows>`;
}

interface Tag {
  name: string;
  /** Attribute with the real name of a column whose name can't be a tag. */
  real: string;
}

const tagOf = (column: string): Tag => {
  const name = elementName(column);
  return { name, real: name === column ? "" : ` name="${escapeMarkup(column)}"` };
};

function cellOf(tag: Tag | undefined, cell: Cell | undefined): string {
  if (tag === undefined) return "";
  if (cell === null || cell === undefined) return `<${tag.name}${tag.real} null="true"/>`;
  return `<${tag.name}${tag.real}>${escapeMarkup(String(cell))}</${tag.name}>`;
}
