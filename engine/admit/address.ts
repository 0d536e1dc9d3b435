/** What an address is worth. All lists are parsed once for each set of settings; what was found for an address is remembered. */
import { hash, randomBytes } from "node:crypto";
import { BlockList } from "node:net";
import { networkInterfaces } from "node:os";
import type ipaddr from "ipaddr.js";
import { ApiError } from "../errors.js";
import type { Peer } from "../request.js";
import type { Settings } from "../settings.js";
import { type Address, contains, parseAddress, parseAddressList } from "./address-list.js";
import type { Visit } from "./visit.js";

export interface Place {
  readonly address: string;
  /** undefined when the peer's address is none (a test, a local call). */
  readonly parsed: Address | undefined;
  /** The name under which its requests and failures are counted: an IPv6 network of 64 bits counts as one address. */
  readonly group: string;
  readonly loopback: boolean;
  /** An address of this machine, loopback or other. */
  readonly ownMachine: boolean;
  readonly trusted: boolean;
  /** Stands in `apiv2ipauth`. */
  readonly allowed: boolean;
  /** Stands in `httpapiallowedip2`. */
  readonly allowedOld: boolean;
  /** A datagram may tell the address of somebody else. */
  readonly forgeable: boolean;
}

export interface Places {
  of(peer: Peer): Place;
  /** Addresses that were looked at and are remembered. */
  readonly remembered: number;
  /** As `remoteadmin` says. */
  consoleAllowed(peer: Peer): boolean;
}

const REMEMBERED = 10_000;
const DATAGRAM_GROUPS = 4096;
const GROUP_SEED = randomBytes(16).toString("hex");

interface Lists {
  own: BlockList;
  listed: BlockList;
  allowed: BlockList;
  allowedOld: BlockList;
}

/** The settings' lists have been checked: an item that is no address stops the start. */
export function makePlaces(settings: Settings): Places {
  const lists = {
    own: ownAddresses(),
    listed: parseAddressList("trustediplist", settings.trustediplist),
    allowed: parseAddressList("apiv2ipauth", settings.apiv2ipauth),
    allowedOld: parseAddressList("httpapiallowedip2", settings.httpapiallowedip2),
  };
  const found = new Map<string, Place>();
  const of = (peer: Peer): Place => {
    const special = peer.forwarded || peer.transport === "udp" || peer.transport === "console";
    const key = special ? `${peer.transport} ${peer.forwarded} ${peer.address}` : peer.address;
    let place = found.get(key);
    if (place === undefined) {
      if (found.size >= REMEMBERED) found.clear();
      place = placeOf(peer, settings, lists);
      found.set(key, place);
    }
    return place;
  };
  return {
    of,
    get remembered() {
      return found.size;
    },
    consoleAllowed: (peer) => consoleAllowed(settings, of({ ...peer, transport: "tcp" })),
  };
}

function placeOf(peer: Peer, settings: Settings, lists: Lists): Place {
  const parsed = parseAddress(peer.address);
  const forgeable = peer.transport === "udp";
  // A proxy that no setting names tells nothing of who is behind it: its address is worth nothing.
  const known = peer.forwarded ? undefined : parsed;
  const loopback = known !== undefined && isLoopback(known);
  const ownMachine = loopback || (known !== undefined && contains(lists.own, known));
  return {
    address: parsed?.toString() ?? peer.address,
    parsed,
    group: groupOf(peer.address, parsed, forgeable),
    loopback,
    ownMachine,
    trusted: known !== undefined && isTrusted(peer, known, ownMachine, settings, lists.listed),
    allowed: known !== undefined && !forgeable && contains(lists.allowed, known),
    allowedOld: known !== undefined && !forgeable && contains(lists.allowedOld, known),
    forgeable,
  };
}

/** Over UDP only loopback is trusted, since nothing but it can't be forged from outside. */
function isTrusted(peer: Peer, address: Address, ownMachine: boolean, settings: Settings, listed: BlockList): boolean {
  const level = Number(settings.allowtrustedip);
  if (level === 0 || (peer.transport === "console" && level < 4)) return false;
  if (peer.transport === "udp") return isLoopback(address);
  if (ownMachine) return true;
  if (level >= 2 && settings.trustlanip && isPrivate(address)) return true;
  return level >= 3 && contains(listed, address);
}

function consoleAllowed(settings: Settings, place: Place): boolean {
  switch (settings.remoteadmin) {
    case "0":
      return false;
    case "1":
      return place.loopback;
    case "2":
      return place.ownMachine;
    case "3":
      return place.trusted;
    case "4":
      return place.ownMachine || (place.parsed !== undefined && isPrivate(place.parsed));
    default:
      return true;
  }
}

const isLoopback = (address: Address): boolean => address.range() === "loopback";
const isPrivate = (address: Address): boolean => ["private", "uniqueLocal", "linkLocal"].includes(address.range());

/** Forged addresses are without number: they are counted in so many groups, whose members nobody can foretell. */
function groupOf(text: string, address: Address | undefined, forgeable: boolean): string {
  if (forgeable) return `udp ${hash("sha256", GROUP_SEED + text, "buffer").readUInt16BE() % DATAGRAM_GROUPS}`;
  if (address?.kind() !== "ipv6") return address?.toString() ?? text;
  const network = (address as ipaddr.IPv6).parts.slice(0, 4);
  return `${network.map((part) => part.toString(16)).join(":")}::/64`;
}

/** The group under which an address that is given as text is counted and banned. */
export const groupOfText = (text: string): string => groupOf(text, parseAddress(text), false);

function ownAddresses(): BlockList {
  const list = new BlockList();
  for (const interfaces of Object.values(networkInterfaces()))
    for (const { address, family } of interfaces ?? []) list.addAddress(address, family === "IPv6" ? "ipv6" : "ipv4");
  return list;
}

/** `apitrustediponly`. Errors: ApiError "access denied". */
export function checkTrustedOnly({ trusted, policy }: Pick<Visit, "trusted" | "policy">): void {
  if (!trusted && policy.settings.apitrustediponly)
    throw new ApiError("access denied", "only trusted addresses may send requests; add this one to trustediplist");
}

/** `apitrustediponly` and `req_ip`. Errors: ApiError "access denied". */
export function checkAddress(visit: Visit): void {
  const { entry, place, trusted } = visit;
  if (trusted) return;
  checkTrustedOnly(visit);
  if (entry.access.ip && !place.allowed)
    throw new ApiError(
      "access denied",
      `this address may not use ${entry.name}; add it to apiv2ipauth or trustediplist`,
    );
}
