/** A console behind this one: what is typed goes there, what it says comes back, until it closes the connection. */
import { connect, type Socket } from "node:net";
import { ApiError } from "../errors.js";
import type { RelayTarget } from "../request.js";

/** Milliseconds within which the other console has to answer. */
const PATIENCE = 5_000;

export class Relay {
  readonly #socket: Socket;
  #ended = false;

  /** `near` is the connection of who types; `ended` is called once, when the other console is gone. */
  constructor(socket: Socket, near: Socket, ended: () => void) {
    this.#socket = socket;
    socket.on("data", (chunk) => near.write(chunk));
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      this.#ended = true;
      ended();
    });
    near.once("close", () => socket.destroy());
  }

  get ended(): boolean {
    return this.#ended;
  }

  send(line: string): Promise<void> {
    return new Promise((resolve) => this.#socket.write(`${line}\r\n`, () => resolve()));
  }
}

/** Errors: ApiError "not available". */
export function reach({ host, port }: RelayTarget): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (cause?: unknown) => {
      socket.destroy();
      reject(new ApiError("not available", "the console of that server does not answer", { cause }));
    };
    const timer = setTimeout(fail, PATIENCE);
    socket.once("error", fail);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", fail);
      resolve(socket);
    });
    socket.once("close", () => clearTimeout(timer));
  });
}
