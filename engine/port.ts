/** The shared port: the first bytes of a connection tell whether it is TLS, HTTP or lines. */
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Connection } from "./connections/connections.js";
import type { TransportContext } from "./connections/context.js";
import { derived } from "./derived.js";
import type { Settings } from "./settings.js";
import { makeHttp } from "./transports/http.js";
import { makeLine } from "./transports/line.js";

type Protocol = "tls" | "http" | "line";

/** Errors: Error that names `tlscert` or `tlskey` where a file can't be used. */
export function makePort(context: TransportContext): Server {
  const { settings, log, connections } = context;
  const secureContext = derived(settings, log, secureContextOf);
  const serve = { http: makeHttp(context), line: makeLine(context) };
  const timeout = () => settings.current.requesttimeout * 1000;

  const startTls = (socket: Socket, connection: Connection) => {
    const certificate = secureContext();
    if (certificate === undefined) return socket.destroy();
    const inner = new TLSSocket(socket, { isServer: true, secureContext: certificate });
    inner.on("error", () => socket.destroy());
    inner.on("close", () => socket.destroy());
    return recognise(inner, timeout(), (protocol) => {
      if (protocol === "tls") inner.destroy();
      else serve[protocol](inner, connection, true);
    });
  };
  return createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
    const connection = connections.admit(socket);
    if (connection === undefined) return;
    recognise(socket, timeout(), (protocol) => {
      if (protocol === "tls") startTls(socket, connection);
      else serve[protocol](socket, connection, false);
    });
  });
}

function secureContextOf({ tlscert, tlskey }: Settings): SecureContext | undefined {
  if (tlscert === "" && tlskey === "") return undefined;
  try {
    return createSecureContext({ cert: readFileSync(tlscert), key: readFileSync(tlskey) });
  } catch (cause) {
    throw new Error("options tlscert and tlskey must name the PEM files of a certificate and its key", { cause });
  }
}

/** Waits for enough bytes to tell, puts them back, and hands the socket over; too slow ones are cut off. */
function recognise(socket: Socket, milliseconds: number, found: (protocol: Protocol) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), milliseconds);
  const stop = () => {
    clearTimeout(timer);
    socket.off("data", look).off("end", cut).off("close", stop);
  };
  const cut = () => socket.destroy();
  const look = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const protocol = protocolOf(seen);
    if (protocol === undefined) return;
    stop();
    socket.pause();
    socket.unshift(seen);
    found(protocol);
    if (protocol !== "tls") socket.resume();
  };
  socket.on("data", look).on("end", cut).on("close", stop);
}

const TLS_HANDSHAKE = 0x16;
const METHODS = ["GET ", "POST ", "HEAD ", "OPTIONS ", "PUT ", "DELETE ", "PATCH ", "TRACE ", "CONNECT "];

/** undefined while the bytes could still become one or the other. */
function protocolOf(bytes: Buffer): Protocol | undefined {
  if (bytes[0] === TLS_HANDSHAKE) return "tls";
  const start = bytes.toString("latin1", 0, 8);
  if (METHODS.some((method) => start.startsWith(method))) return "http";
  return METHODS.some((method) => method.startsWith(start)) ? undefined : "line";
}
