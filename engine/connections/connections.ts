/** All open connections of this server: how many there may be, and how they are ended gently. */
import type { Socket } from "node:net";
import ipaddr from "ipaddr.js";
import type { SettingsStore } from "../settings.js";

export interface Connection {
  /** For the log, and to tell connections apart. */
  readonly id: string;
  /** Address of the other end of the socket; IPv4 also where it came in over IPv6. */
  readonly address: string;
  /** Ends the connection once what is in flight is answered; the protocol sets it, until then it is cut. */
  finish: () => void;
}

/** `::ffff:192.0.2.1` → `192.0.2.1`; without a zone. Empty where the socket is closed already. */
export const plainAddress = (address: string | undefined): string => {
  const bare = (address ?? "").replace(/%.*$/, "");
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : bare;
};

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");

export class Connections {
  /** True from the moment at which the server stops: answers say that the connection ends. */
  draining = false;
  readonly #settings: SettingsStore;
  readonly #isExempt: (address: string) => boolean;
  readonly #open = new Map<Socket, Connection>();
  readonly #perAddress = new Map<string, number>();
  #last = 0;
  #whenEmpty: (() => void) | undefined;

  /** `isExempt`: addresses that stand for many callers, whose connections are not limited each. */
  constructor(settings: SettingsStore, isExempt: (address: string) => boolean) {
    this.#settings = settings;
    this.#isExempt = isExempt;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Counts the connection until it is closed. undefined when a limit is reached: the socket is closed then. */
  admit(socket: Socket): Connection | undefined {
    const address = plainAddress(socket.remoteAddress);
    socket.on("error", () => socket.destroy());
    if (this.draining || address === "" || this.#isFull(address)) {
      socket.destroy();
      return undefined;
    }
    this.#last += 1;
    const connection = { id: `c${this.#last.toString(36)}`, address, finish: () => socket.destroy() };
    this.#open.set(socket, connection);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    socket.once("close", () => this.#forget(socket, address));
    return connection;
  }

  #isFull(address: string): boolean {
    const { maxconnections, maxconnectionsperip } = this.#settings.current;
    if (this.#open.size >= maxconnections) return true;
    if (isLoopback(address) || this.#isExempt(address)) return false;
    return (this.#perAddress.get(address) ?? 0) >= maxconnectionsperip;
  }

  #forget(socket: Socket, address: string): void {
    this.#open.delete(socket);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
    if (this.#open.size === 0) this.#whenEmpty?.();
  }

  /** Ends all connections gently; those that are still open after `milliseconds` are cut. */
  async drain(milliseconds: number): Promise<void> {
    this.draining = true;
    for (const connection of [...this.#open.values()]) connection.finish();
    if (this.#open.size === 0) return;
    const cut = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy();
    }, milliseconds);
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    clearTimeout(cut);
  }
}
