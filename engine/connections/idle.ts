/** Ends connections that nobody uses. They are looked at once a second, so that a request sets and clears no timer. */
import type { Socket } from "node:net";
import type { SettingsStore } from "../settings.js";

interface Silence {
  /** Bytes that had come in at the latest look. */
  received: number;
  /** Seconds for which nothing has come in. */
  seconds: number;
  isBusy: () => boolean;
}

export class IdleWatch {
  readonly #settings: SettingsStore;
  readonly #watched = new Map<Socket, Silence>();
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: SettingsStore) {
    this.#settings = settings;
  }

  /** Ends the connection after `idletimeout` in which nothing came in; not while `isBusy` or an answer is on its way. */
  add(socket: Socket, isBusy: () => boolean): void {
    this.#watched.set(socket, { received: socket.bytesRead, seconds: 0, isBusy });
    this.#timer ??= setInterval(() => this.#look(), 1_000).unref();
    socket.once("close", () => this.remove(socket));
  }

  /** For a connection that is used otherwise from now on. */
  remove(socket: Socket): void {
    this.#watched.delete(socket);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const { idletimeout } = this.#settings.current;
    for (const [socket, silence] of this.#watched) {
      const received = socket.bytesRead;
      const used = received !== silence.received || socket.writableLength > 0 || silence.isBusy();
      silence.received = received;
      silence.seconds = used ? 0 : silence.seconds + 1;
      if (silence.seconds > idletimeout) socket.destroySoon();
    }
  }
}
