/** The console on its own port: a login, then one entry a line, `entry,value,name=value`. */
import { createServer, type Server, type Socket } from "node:net";
import type { Connection, Connections } from "../connections/connections.js";
import { send, serveLines } from "../connections/lines.js";
import { directPeer } from "../connections/peers.js";
import type { Handle, Incoming } from "../contracts.js";
import { ApiError } from "../errors.js";
import type { Log } from "../log.js";
import type { Peer, RelayTarget } from "../request.js";
import type { SettingsStore } from "../settings.js";
import { parseCommand } from "./command.js";
import { Relay, reach } from "./relay.js";

export interface ConsoleOptions {
  handle: Handle;
  settings: SettingsStore;
  log: Log;
  connections: Connections;
  /** Whether the address may use the console at all; others are cut off without a word. */
  consoleAllowed(peer: Peer): boolean;
  /** Who logged in; undefined when the login is refused. Errors: ApiError with the words to show. */
  consoleLogin(username: string, password: string, peer: Peer): Promise<{ username: string } | undefined>;
}

export const makeConsole = (options: ConsoleOptions): Server =>
  createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
    const connection = options.connections.admit(socket);
    if (connection === undefined) return;
    if (options.consoleAllowed(directPeer("console", connection))) serveConsole(socket, connection, options);
    else socket.destroy();
  });

function serveConsole(socket: Socket, connection: Connection, options: ConsoleOptions): void {
  const session = new ConsoleSession(socket, directPeer("console", connection), options);
  socket.write("tbapi console\r\nlogin: ");
  serveLines(socket, connection, {
    settings: options.settings,
    tooLong: "ERROR: wrong parameter: the line is longer than maxline allows\r\n",
    async take(line) {
      const { text, close } = await session.take(withoutTelnet(line));
      await send(socket, text);
      return !close;
    },
  });
}

const MOST_LOGINS = 3;
const PROMPT = "> ";
const NO_BODY = Buffer.alloc(0);

interface Reply {
  text: string;
  close: boolean;
}

/** What a line means depends on how far the login is. */
class ConsoleSession {
  readonly #options: ConsoleOptions;
  readonly #socket: Socket;
  #peer: Peer;
  /** The other console that the lines go to. */
  #relay: Relay | undefined;
  #username: string | undefined;
  #failures = 0;

  constructor(socket: Socket, peer: Peer, options: ConsoleOptions) {
    this.#socket = socket;
    this.#peer = peer;
    this.#options = options;
  }

  async take(line: string): Promise<Reply> {
    if (this.#relay?.ended === false) {
      await this.#relay.send(line);
      return { text: "", close: false };
    }
    if (this.#peer.consoleUser !== undefined) return this.#run(line);
    if (this.#username === undefined) {
      this.#username = line.trim();
      return { text: "password: ", close: false };
    }
    const username = this.#username;
    this.#username = undefined;
    return this.#login(username, line);
  }

  async #login(username: string, password: string): Promise<Reply> {
    try {
      const user = await this.#options.consoleLogin(username, password, this.#peer);
      if (user === undefined) return this.#refused("auth failed: wrong user or password");
      this.#peer = Object.freeze({ ...this.#peer, consoleUser: user.username });
      return { text: `Welcome. help lists the entries, help,NAME explains one, quit ends.\r\n${PROMPT}`, close: false };
    } catch (err) {
      if (err instanceof ApiError) return this.#refused(err.text);
      this.#options.log.error({ event: "console login", err }, "a login failed inside");
      return this.#refused("failed: internal error");
    }
  }

  #refused(why: string): Reply {
    this.#failures += 1;
    const close = this.#failures >= MOST_LOGINS;
    return { text: `ERROR: ${why}\r\n${close ? "" : "login: "}`, close };
  }

  async #run(line: string): Promise<Reply> {
    if (line.trim() === "") return { text: PROMPT, close: false };
    const incoming: Incoming = {
      peer: this.#peer,
      target: "",
      body: NO_BODY,
      contentType: "",
      command: parseCommand(line),
    };
    const answer = await this.#options.handle(incoming);
    if (answer.relay !== undefined) return this.#switch(answer.relay);
    const body = answer.body.toString().replace(/\r?\n/g, "\r\n");
    return { text: `${body}\r\n${answer.close ? "" : PROMPT}`, close: answer.close };
  }

  /** Its greeting and its login come from the other console itself. */
  async #switch(target: RelayTarget): Promise<Reply> {
    try {
      const far = await reach(target);
      this.#relay = new Relay(far, this.#socket, () => {
        if (this.#socket.writable) this.#socket.write(`\r\nback on this server\r\n${PROMPT}`);
      });
      return { text: "", close: false };
    } catch (err) {
      if (!(err instanceof ApiError)) throw err;
      return { text: `ERROR: ${err.text}\r\n${PROMPT}`, close: false };
    }
  }
}

/** The text of a line without the commands that telnet clients mix in. */
const withoutTelnet = (line: Buffer): string =>
  line.includes(IAC)
    ? Buffer.from(line.toString("latin1").replace(TELNET_COMMAND, ""), "latin1").toString()
    : line.toString();
const IAC = 0xff;
const TELNET_COMMAND = /\xff(?:\xfa[\s\S]*?\xff\xf0|[\xfb-\xfe][\s\S]|[\s\S])/g;
