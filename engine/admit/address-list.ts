/** Addresses as text: one, a network (10.0.0.0/8) or a range (10.0.0.1-10.0.0.9), in lists. */
import { BlockList } from "node:net";
import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** undefined when the text is no address. An IPv4 address that is written as IPv6 is taken as IPv4. */
export function parseAddress(text: string): Address | undefined {
  const plain = text.split("%", 1)[0] ?? "";
  if (ipaddr.IPv4.isValidFourPartDecimal(plain)) return ipaddr.IPv4.parse(plain);
  return plain.includes(":") && ipaddr.IPv6.isValid(plain) ? ipaddr.process(plain) : undefined;
}

export const contains = (list: BlockList, address: Address): boolean => list.check(address.toString(), address.kind());

/** Adds an address, network or range; false when the text is none of them. */
export function addToList(list: BlockList, item: string): boolean {
  const [first = "", last] = item.split("-");
  const [network = "", bits] = first.split("/");
  const address = parseAddress(network);
  if (address === undefined) return false;
  if (last !== undefined) return bits === undefined && addRange(list, address, parseAddress(last));
  if (bits === undefined) list.addAddress(address.toString(), address.kind());
  else if (/^\d{1,3}$/.test(bits) && Number(bits) <= (address.kind() === "ipv4" ? 32 : 128))
    list.addSubnet(address.toString(), Number(bits), address.kind());
  else return false;
  return true;
}

function addRange(list: BlockList, first: Address, last: Address | undefined): boolean {
  if (last === undefined || first.kind() !== last.kind()) return false;
  try {
    list.addRange(first.toString(), last.toString(), first.kind());
    return true;
  } catch {
    return false; // the first is above the last
  }
}

/** The list of an option. Errors: Error that names the option and the item that is no address. */
export function parseAddressList(option: string, items: readonly string[]): BlockList {
  const list = new BlockList();
  for (const item of items)
    if (!addToList(list, item))
      throw new Error(`option ${option}: '${item}' is no address, network (10.0.0.0/8) or range (10.0.0.1-10.0.0.9)`);
  return list;
}

/** The list of texts from the database, each several items, with ports or not; what is no address is passed over. */
export function readAddressTexts(texts: Iterable<string>): BlockList {
  const list = new BlockList();
  for (const text of texts)
    for (const item of text.split(/[\s,;]+/)) addToList(list, item.replace(/^([\d.]+):\d+$/, "$1"));
  return list;
}
