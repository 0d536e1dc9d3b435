/** WebSocket and secure WebSocket: a text message is a request, answered by one message, in the order of the requests. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { Connection } from "../connections/connections.js";
import type { TransportContext } from "../connections/context.js";
import { Turns } from "../connections/turns.js";
import { derived } from "../derived.js";
import type { Peer } from "../request.js";
import { splitTarget, WEBSOCKET_PATH } from "../target.js";
import { incomingOf } from "./request-line.js";

export type Upgrade = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  connection: Connection,
  peer: Peer,
) => void;

const GOING_AWAY = 1001;

/** What is done with an upgrade; paths and pages that may not have one get a plain HTTP answer. */
export function makeWebSocket(context: TransportContext): Upgrade {
  const { settings, log } = context;
  const server = derived(
    settings,
    log,
    ({ maxline }) => new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: maxline }),
  );
  return (request, socket, head, connection, peer) => {
    if (!splitTarget(request.url ?? "").path.includes(WEBSOCKET_PATH)) return refuse(socket, "404 Not Found");
    if (!isOriginAllowed(request, settings.current.corsorigin)) return refuse(socket, "403 Forbidden");
    server().handleUpgrade(request, socket, head, (webSocket) =>
      serveMessages(webSocket, { connection, peer, context }),
    );
  };
}

const refuse = (socket: Duplex, status: string) =>
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);

/** `corsorigin` holds for WebSockets too, which browsers open to any server. */
function isOriginAllowed({ headers }: IncomingMessage, allowed: string): boolean {
  const { origin } = headers;
  return (
    origin === undefined || allowed === "*" || origin === allowed || origin.replace(/^https?:\/\//, "") === headers.host
  );
}

interface Conversation {
  connection: Connection;
  peer: Peer;
  context: TransportContext;
}

function serveMessages(webSocket: WebSocket, { connection, peer, context }: Conversation): void {
  const { handle, settings } = context;
  const turns = new Turns<string>({
    async take(text) {
      const answer = await handle(incomingOf(text, peer));
      await sendMessage(webSocket, answer.body);
      return !answer.close;
    },
    limit: () => settings.current.maxpipelined,
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    ended: () => webSocket.close(GOING_AWAY),
  });
  connection.finish = () => turns.finish();
  webSocket.on("message", (data: RawData) => turns.push(data.toString()));
  // ws closes the connection itself after a fault such as a message that is too long.
  webSocket.on("error", () => turns.drop());
  webSocket.on("close", () => turns.drop());
  endWhenSilent(webSocket, settings.current.idletimeout * 1000);
}

const sendMessage = (webSocket: WebSocket, body: string | Buffer): Promise<void> =>
  new Promise((resolve) => webSocket.send(body, { binary: false }, () => resolve()));

/** Pings in good time before the connection counts as idle; a live client answers that, and then it doesn't. */
function endWhenSilent(webSocket: WebSocket, milliseconds: number): void {
  let heard = true;
  const hear = () => {
    heard = true;
  };
  const timer = setInterval(() => {
    if (!heard) return webSocket.terminate();
    heard = false;
    webSocket.ping();
  }, milliseconds / 2);
  webSocket.on("message", hear);
  webSocket.on("pong", hear);
  webSocket.on("close", () => clearInterval(timer));
}
