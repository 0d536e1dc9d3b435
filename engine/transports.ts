/** Opens everything on which requests come in: the shared port over TCP and UDP, and the console. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { Connections } from "./connections/connections.js";
import type { TransportContext } from "./connections/context.js";
import { makePeers } from "./connections/peers.js";
import { makePort } from "./port.js";
import { type ConsoleOptions, makeConsole } from "./transports/console.js";
import { openUdp } from "./transports/udp.js";

export interface TransportOptions
  extends Omit<ConsoleOptions, "connections">,
    Pick<TransportContext, "tunnels" | "metrics"> {
  /** Address to listen on. */
  host: string;
  /** The shared port; 0 takes a free one. */
  port: number;
  /** The console's port; 0 takes a free one, undefined opens none. */
  adminPort: number | undefined;
}

export interface Transports {
  ports: { port: number; adminPort: number | undefined };
  /** Connections that are open now, those of the console included. */
  connections(): number;
  /**
   * Takes no new connection or packet, answers the requests that are in flight, closes everything, and resolves.
   * After 20 seconds it cuts what is still open.
   */
  drain(): Promise<void>;
}

const DRAIN_MILLISECONDS = 20_000;

/** Errors: Error that names the option or the port that can't be used. */
export async function openTransports(options: TransportOptions): Promise<Transports> {
  const { handle, settings, log, host, tunnels, metrics } = options;
  const peers = makePeers(settings, log);
  const connections = new Connections(settings, peers.isProxy);
  const context = { handle, settings, log, connections, peers, tunnels, metrics };
  const shared = makePort(context);
  const port = await listen(shared, host, options.port);
  const udp = await openUdp(host, port, context);
  const console = options.adminPort === undefined ? undefined : makeConsole({ ...options, connections });
  const adminPort = console === undefined ? undefined : await listen(console, host, options.adminPort ?? 0);
  return {
    ports: { port, adminPort },
    connections: () => connections.count,
    async drain() {
      shared.close();
      console?.close();
      await Promise.all([connections.drain(DRAIN_MILLISECONDS), udp.drain()]);
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
