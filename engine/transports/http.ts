/** HTTP and HTTPS: node's own server, fed with the connections that the shared port has recognised. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Connection } from "../connections/connections.js";
import type { TransportContext } from "../connections/context.js";
import { readBody } from "../connections/http-body.js";
import { IdleWatch } from "../connections/idle.js";
import { directPeer } from "../connections/peers.js";
import { derived } from "../derived.js";
import type { EncodedAnswer, Peer } from "../request.js";
import type { Settings } from "../settings.js";
import { isApiPath, isOldApiPath, splitTarget } from "../target.js";
import { isFilePath, serveFile } from "./files.js";
import { HttpAnswers } from "./http-answers.js";
import { fileHeaders, sendBytes } from "./http-file.js";
import { makeWebSocket } from "./websocket.js";

export type ServeHttp = (socket: Socket, connection: Connection, secure: boolean) => void;

/** What is known of a connection while requests come in on it. */
interface Line {
  socket: Socket;
  connection: Connection;
  peer: Peer;
  webSocketPeer: Peer;
  /** Requests without an answer yet. */
  pending: number;
  /** True while nothing is read since too many are pending. */
  paused: boolean;
  /** The answer to the latest request: it goes out behind all others. */
  last: ServerResponse | undefined;
}

const METHODS = "GET, POST, HEAD, OPTIONS";
const METRICS_PATH = "/metrics";
const NO_BODY = Buffer.alloc(0);
/** Milliseconds between two looks for requests that are too slow to arrive. */
const SLOW_EVERY = 1_000;

export function makeHttp(context: TransportContext): ServeHttp {
  const lines = new WeakMap<Socket, Line>();
  const server = createServer({
    maxHeaderSize: context.settings.current.maxline,
    connectionsCheckingInterval: SLOW_EVERY,
    keepAliveTimeout: 0, // node would set and clear a timer with each request
  });
  const idle = new IdleWatch(context.settings);
  const exchange = new Exchange(context, derived(context.settings, context.log, fixedHeaders));
  const keepTimes = derived(context.settings, context.log, (settings) => setTimes(server, settings));
  const upgrade = makeWebSocket(context);
  server.on("request", (request, response) => {
    const line = lines.get(request.socket);
    if (line !== undefined) exchange.take(request, response, line);
  });
  server.on("upgrade", (request, socket, head) => {
    const line = lines.get(request.socket);
    if (line === undefined) return socket.destroy();
    idle.remove(line.socket);
    upgrade(request, socket, head, line.connection, context.peers.request(line.webSocketPeer, request.headers));
  });
  // Starts node's watch over slow requests, which otherwise begins with listen().
  server.emit("listening");
  return (socket, connection, secure) => {
    keepTimes();
    const line = makeLine(socket, connection, secure);
    lines.set(socket, line);
    idle.add(socket, () => line.pending > 0);
    server.emit("connection", socket);
  };
}

function setTimes(server: Server, { requesttimeout }: Settings): void {
  server.requestTimeout = requesttimeout * 1000;
  server.headersTimeout = requesttimeout * 1000;
}

interface FixedHeaders {
  all: readonly string[];
  /** Of a connection that stays open: for how long. */
  kept: readonly [string, string];
  /** For requests of a page of another origin. */
  crossOrigin: readonly string[];
}

/** Errors: Error where `corsorigin` could not stand in a header. */
function fixedHeaders({ corsorigin, idletimeout }: Settings): FixedHeaders {
  if (!/^[\x21-\x7e]*$/.test(corsorigin)) throw new Error("option corsorigin must be an origin, * or empty");
  const all = ["X-Content-Type-Options", "nosniff", "Cache-Control", "no-store"];
  const crossOrigin = corsorigin === "" ? [] : ["Access-Control-Allow-Origin", corsorigin, "Vary", "Origin"];
  return { all, kept: ["Keep-Alive", `timeout=${idletimeout}`], crossOrigin };
}

function makeLine(socket: Socket, connection: Connection, secure: boolean): Line {
  const line: Line = {
    socket,
    connection,
    peer: directPeer(secure ? "https" : "http", connection),
    webSocketPeer: directPeer(secure ? "wss" : "ws", connection),
    pending: 0,
    paused: false,
    last: undefined,
  };
  connection.finish = () => {
    if (line.last === undefined || line.last.writableFinished) socket.destroySoon();
    else line.last.once("finish", () => socket.destroySoon());
  };
  return line;
}

/** Requests and their answers. */
class Exchange {
  readonly #context: TransportContext;
  readonly #headers: () => FixedHeaders;
  readonly #answers = new HttpAnswers();

  constructor(context: TransportContext, headers: () => FixedHeaders) {
    this.#context = context;
    this.#headers = headers;
  }

  take(request: IncomingMessage, response: ServerResponse, line: Line): void {
    line.pending += 1;
    line.last = response;
    if (line.pending > this.#context.settings.current.maxpipelined) {
      line.paused = true;
      line.socket.pause();
    }
    const { path } = splitTarget(request.url ?? "");
    if (isApiPath(path) || isOldApiPath(path)) this.#call(request, response, line);
    else if (isFilePath(path)) this.#file(request, response, line);
    else if (path === METRICS_PATH) void this.#metrics(request, response, line);
    else this.#write(response, line, notFound());
  }

  /** Not for pages: a browser on a trusted machine would read them to any site. */
  async #metrics(request: IncomingMessage, response: ServerResponse, line: Line): Promise<void> {
    const peer = this.#context.peers.request(line.peer, request.headers);
    const isPage = request.headers.origin !== undefined;
    const isRead = request.method === "GET" || request.method === "HEAD";
    const answer = isPage || !isRead ? undefined : await this.#context.metrics(peer);
    this.#write(response, line, answer ?? plain(403, "ERROR: access denied: metrics are for trusted addresses"));
  }

  #call(request: IncomingMessage, response: ServerResponse, line: Line): void {
    const { method } = request;
    if (method === "GET" || method === "HEAD") this.#answer(request, response, line, NO_BODY);
    else if (method === "POST") void this.#post(request, response, line);
    else if (method === "OPTIONS") this.#permit(response, line);
    else this.#write(response, line, plain(405, `ERROR: not available: send one of ${METHODS}`), ["Allow", METHODS]);
  }

  /** What browsers ask before they send a page's request to another origin. */
  #permit(response: ServerResponse, line: Line): void {
    const { all, crossOrigin } = this.#headers();
    response.writeHead(204, [...all, ...crossOrigin, ...PREFLIGHT]);
    response.end();
    this.#release(line);
  }

  async #post(request: IncomingMessage, response: ServerResponse, line: Line): Promise<void> {
    const { maxrequest } = this.#context.settings.current;
    const body = await readBody(request, maxrequest);
    if (body === "gone") return;
    if (body !== "too long") {
      this.#answer(request, response, line, body);
      return;
    }
    const refusal = plain(413, `ERROR: wrong parameter: the request is longer than ${maxrequest} bytes`);
    this.#write(response, line, { ...refusal, close: true });
  }

  #answer(request: IncomingMessage, response: ServerResponse, line: Line, body: Buffer): void {
    const { handle, peers } = this.#context;
    const { headers, url = "" } = request;
    const peer = peers.request(line.peer, headers);
    const answer = handle({ peer, target: url, body, contentType: headers["content-type"] ?? "" });
    if (answer instanceof Promise) void answer.then((it) => this.#write(response, line, it));
    else this.#write(response, line, answer);
  }

  #file(request: IncomingMessage, response: ServerResponse, line: Line): void {
    if (request.method !== "GET" && request.method !== "HEAD") {
      this.#write(response, line, plain(405, "ERROR: not available: send GET or HEAD"), ["Allow", "GET, HEAD"]);
      return;
    }
    const release = () => this.#release(line);
    response.once("close", release);
    void serveFile(request, response, this.#context.settings.current.webroot, () => {
      response.off("close", release);
      this.#write(response, line, notFound());
    });
  }

  /** Writes an answer whole, with its length, or streams its file. */
  #write(response: ServerResponse, line: Line, answer: EncodedAnswer, more?: readonly string[]): void {
    const { body, file } = answer;
    const { all, kept, crossOrigin } = this.#headers();
    const headers = [
      "Content-Type",
      answer.contentType,
      ...(file === undefined ? lengthOf(body) : fileHeaders(file)),
      ...all,
    ];
    if (response.req.headers.origin !== undefined) headers.push(...crossOrigin);
    if (more !== undefined) headers.push(...more);
    // Behind the last answer nothing more is read, so the caller is told.
    if (answer.close || (this.#context.connections.draining && response === line.last))
      headers.push("Connection", "close");
    else if (response.shouldKeepAlive) headers.push(...kept);
    if (answer.status === 499) response.statusMessage = "Failed";
    response.writeHead(answer.status, headers);
    if (file === undefined) {
      this.#answers.end(response, body);
      this.#release(line);
      return;
    }
    const { log, settings } = this.#context;
    sendBytes(file, response, { log, idle: settings.current.idletimeout * 1000, sent: () => this.#release(line) });
  }

  #release(line: Line): void {
    line.pending -= 1;
    if (!line.paused || line.pending > this.#context.settings.current.maxpipelined) return;
    line.paused = false;
    line.socket.resume();
  }
}

const lengthOf = (body: string | Buffer): string[] => ["Content-Length", String(Buffer.byteLength(body))];

const PREFLIGHT = [
  "Access-Control-Allow-Methods",
  METHODS,
  "Access-Control-Allow-Headers",
  "Content-Type",
  "Access-Control-Max-Age",
  "86400",
];

const plain = (status: number, body: string): EncodedAnswer => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body,
  close: false,
});

const notFound = (): EncodedAnswer => plain(404, "ERROR: not found: requests go to /mvapireq/?apientry=NAME");
