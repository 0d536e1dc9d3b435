/** What every transport is handed. */
import type { Handle } from "../contracts.js";
import type { Log } from "../log.js";
import type { EncodedAnswer, Peer } from "../request.js";
import type { SettingsStore } from "../settings.js";
import type { Connections } from "./connections.js";
import type { PeerOf } from "./peers.js";
import type { TunnelSessions } from "./tunnels.js";

export interface TransportContext {
  handle: Handle;
  settings: SettingsStore;
  log: Log;
  connections: Connections;
  peers: PeerOf;
  tunnels: TunnelSessions;
  /** The page of the metrics; undefined for who may not see it. Never rejects. */
  metrics(peer: Peer): Promise<EncodedAnswer | undefined>;
}
