/** Who is at the other end, where a proxy may stand between. */
import type { IncomingHttpHeaders } from "node:http";
import ipaddr from "ipaddr.js";
import { derived } from "../derived.js";
import type { Log } from "../log.js";
import type { Peer, TransportName } from "../request.js";
import type { Settings, SettingsStore } from "../settings.js";
import { type Connection, plainAddress } from "./connections.js";

export interface PeerOf {
  /** The peer of an HTTP request. `direct` is given back where the request came without a proxy. */
  request(direct: Peer, headers: IncomingHttpHeaders): Peer;
  isProxy(address: string): boolean;
}

export const directPeer = (transport: TransportName, connection: Connection): Peer =>
  Object.freeze({ transport, address: connection.address, forwarded: false, connection: connection.id });

/** Errors: Error that names `trustedproxies` where it holds something else than addresses and ranges. */
export function makePeers(settings: SettingsStore, log: Log): PeerOf {
  const proxies = derived(settings, log, rangesOf);
  const isProxy = (address: string) => {
    const ranges = proxies();
    return ranges.length > 0 && isWithin(address, ranges);
  };
  return {
    isProxy,
    request(direct, headers) {
      if (!isForwarded(headers)) return direct;
      const client = isProxy(direct.address) ? clientOf(headers["x-forwarded-for"], isProxy) : undefined;
      return client === undefined ? { ...direct, forwarded: true } : { ...direct, address: client };
    },
  };
}

const isForwarded = (headers: IncomingHttpHeaders): boolean =>
  headers["x-forwarded-for"] !== undefined ||
  headers.forwarded !== undefined ||
  headers["x-real-ip"] !== undefined ||
  headers.via !== undefined;

/** The last address that is no proxy of ours: what stands before it may have been made up by the caller. */
function clientOf(list: string | string[] | undefined, isProxy: (address: string) => boolean): string | undefined {
  for (const item of String(list ?? "")
    .split(",")
    .reverse()) {
    const address = plainAddress(item.trim());
    if (!ipaddr.isValid(address)) return undefined;
    if (!isProxy(address)) return address;
  }
  return undefined;
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

function rangesOf(settings: Settings): Range[] {
  return settings.trustedproxies.map((text): Range => {
    if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
    if (!ipaddr.isValid(text)) throw new Error(`option trustedproxies: '${text}' is neither an address nor a range`);
    const address = ipaddr.process(text);
    return [address, address.kind() === "ipv4" ? 32 : 128];
  });
}

function isWithin(text: string, ranges: readonly Range[]): boolean {
  const address = ipaddr.process(text);
  return ranges.some(([range, bits]) => address.kind() === range.kind() && address.match(range, bits));
}
