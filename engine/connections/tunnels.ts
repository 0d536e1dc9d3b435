/** The tunnel's sessions: connections (over UDP: addresses with a port) from which hidden requests came. */
import type { TunnelSession, Tunnels } from "../contracts.js";
import type { Peer } from "../request.js";
import type { SettingsStore } from "../settings.js";

/** Over UDP nobody tells the end of a session, and addresses may be forged: the oldest give way. */
const MOST = 10_000;

export class TunnelSessions implements Tunnels {
  readonly #settings: SettingsStore;
  readonly #open = new Map<string, TunnelSession>();
  #sessions = 0;
  #requests = 0;
  #received = 0;
  #sent = 0;

  constructor(settings: SettingsStore) {
    this.#settings = settings;
  }

  /** Counts a hidden request and its answer, in bytes. */
  note({ connection, transport, address }: Peer, received: number, sent: number): void {
    const now = new Date();
    let session = this.#open.get(connection);
    if (session === undefined) {
      if (this.#open.size >= MOST) this.#forgetOldest();
      session = { id: connection, transport, address, began: now, last: now, requests: 0, received: 0, sent: 0 };
      this.#sessions += 1;
    }
    // Behind the others, so that the first of the map is the one that has been silent longest.
    this.#open.delete(connection);
    this.#open.set(connection, session);
    session.last = now;
    session.requests += 1;
    session.received += received;
    session.sent += sent;
    this.#requests += 1;
    this.#received += received;
    this.#sent += sent;
  }

  /** The connection is closed. */
  end(connection: string): void {
    this.#open.delete(connection);
  }

  counters() {
    const open = this.open().length;
    return { open, sessions: this.#sessions, requests: this.#requests, received: this.#received, sent: this.#sent };
  }

  open(): readonly TunnelSession[] {
    const silent = Date.now() - this.#settings.current.idletimeout * 1_000;
    for (const [id, { transport, last }] of this.#open)
      if (transport === "udp" && last.getTime() < silent) this.#open.delete(id);
    return [...this.#open.values()];
  }

  /** Begins counting again; open sessions stay. */
  reset(): void {
    this.#sessions = this.#open.size;
    this.#requests = 0;
    this.#received = 0;
    this.#sent = 0;
  }

  #forgetOldest(): void {
    const [oldest] = this.#open.keys();
    if (oldest !== undefined) this.#open.delete(oldest);
  }
}
