/** All transports on free ports, in front of a handful of entries that need no database, and a client for each. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";
import { WebSocket } from "ws";
import { TunnelSessions } from "../engine/connections/tunnels.js";
import type { Handle } from "../engine/contracts.js";
import { decode, formatOf } from "../engine/decode.js";
import { encode } from "../engine/encode.js";
import { ApiError, toApiError } from "../engine/errors.js";
import { makeLog } from "../engine/log.js";
import { hide, reveal } from "../engine/obfuscation.js";
import type { Answer, ApiRequest } from "../engine/request.js";
import { parseSettings, type SettingsStore } from "../engine/settings.js";
import { openTransports, type Transports } from "../engine/transports.js";

export const HIDE_KEY = "secret";
const log = makeLog("silent");

const ROWS = [
  { id: 1, name: "a\tb" },
  { id: 2, name: null },
];

async function answerTo({ entry, params, positional, peer }: ApiRequest): Promise<Answer> {
  const text = params.get("txt") ?? positional.join("|");
  switch (entry) {
    case "echo":
      return { ok: true, text };
    case "slow":
      await pause(Number(params.get("ms")));
      return { ok: true, text };
    case "rows":
      return { ok: true, text: "", columns: ["id", "name"], rows: ROWS };
    case "file":
      return {
        ok: true,
        text,
        file: { stream: Readable.from([text]), type: "text/plain", filename: "file.txt", size: text.length },
      };
    case "peer":
      return { ok: true, text: `${peer.transport} ${peer.address} ${peer.forwarded} ${peer.consoleUser ?? ""}`.trim() };
    case "quit":
      return { ok: true, text: "bye", close: true };
    default:
      throw new ApiError("unknown entry", `${entry} is not an entry`);
  }
}

export interface Wire extends Transports {
  port: number;
  adminPort: number;
  /** Puts other options in force. */
  set(options: Record<string, string>): void;
  /** Requests that were taken. */
  taken(): number;
}

export async function startWire(options: Record<string, string> = {}): Promise<Wire> {
  const settings = { current: parseSettings(new Map(Object.entries(options))) };
  let taken = 0;
  const handle: Handle = async (incoming) => {
    taken += 1;
    try {
      const request = await decode(incoming, settings.current);
      const answer = await answerTo(request).catch((cause) => ({ ok: false, text: toApiError(cause, "id").text }));
      return encode(answer, request, settings.current);
    } catch (cause) {
      const answer = { ok: false, text: toApiError(cause, "id").text };
      return encode(answer, { ...formatOf(incoming), entry: "", peer: incoming.peer }, settings.current);
    }
  };
  const transports = await openTransports({
    handle,
    settings: settings as SettingsStore,
    log,
    host: "127.0.0.1",
    port: 0,
    adminPort: 0,
    metrics: async () => undefined,
    tunnels: new TunnelSessions(settings as SettingsStore),
    consoleAllowed: () => true,
    consoleLogin: async (username, password) =>
      username === "admin" && password === "right, really" ? { username } : undefined,
  });
  return {
    ...transports,
    port: transports.ports.port,
    adminPort: transports.ports.adminPort ?? 0,
    set(changed) {
      settings.current = parseSettings(new Map(Object.entries({ ...options, ...changed })));
    },
    taken: () => taken,
  };
}

export interface HttpReply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export function request(port: number, options: http.RequestOptions & { body?: string } = {}): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ host: "127.0.0.1", port, agent: false, ...options }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() });
    });
    sent.on("error", reject);
    sent.end(options.body);
  });
}

/** Sends bytes, and gives all that comes back until the other side closes. */
export async function exchange(socket: net.Socket, pieces: Iterable<string>): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  // A reset is an end as well.
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise(setImmediate);
  }
  await closed;
  return text;
}

export const connect = (port: number, address = "127.0.0.1"): net.Socket =>
  net.connect({ port, host: "127.0.0.1", localAddress: address, noDelay: true });
export const connectTls = (port: number): tls.TLSSocket =>
  tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });

/** What one request gets back over each transport, as text, without what the transport adds at its end. */
export const TRANSPORTS: Record<string, (port: number, target: string) => Promise<string>> = {
  http: async (port, target) => (await request(port, { path: target })).body,
  async https(port, target) {
    const socket = connectTls(port);
    const answer = await exchange(socket, [`GET ${target} HTTP/1.0\r\n\r\n`]);
    return answer.slice(answer.indexOf("\r\n\r\n") + 4);
  },
  tcp: async (port, target) => ending(await ask(connect(port), `${target}\r\n`)),
  tls: async (port, target) => ending(await ask(connectTls(port), `${target}\n`)),
  async udp(port, target) {
    const socket = createSocket("udp4");
    socket.send(target, port, "127.0.0.1");
    const [message] = (await once(socket, "message")) as [Buffer];
    socket.close();
    return message.toString();
  },
  ws: (port, target) => askWebSocket(`ws://127.0.0.1:${port}/mvstwebsock`, target),
  wss: (port, target) => askWebSocket(`wss://127.0.0.1:${port}/MVSTWEBSOCKET/`, `https://example.com${target}\r\n`),
  async tunnel(port, target) {
    const blob = await ask(connect(port), `${hide(target, HIDE_KEY)}\n`);
    return reveal(blob.trim(), HIDE_KEY) ?? `not hidden: ${blob}`;
  },
};

const ending = (text: string): string => text.replace(/\n+$/, "");

/** Sends, closes its half, and waits for the end: an answer is complete then. */
const ask = (socket: net.Socket, text: string): Promise<string> => {
  const answer = exchange(socket, []);
  socket.end(text);
  return answer;
};

async function askWebSocket(url: string, text: string): Promise<string> {
  const socket = new WebSocket(url, { rejectUnauthorized: false });
  await once(socket, "open");
  socket.send(text);
  const [data] = (await once(socket, "message")) as [Buffer];
  socket.close();
  return data.toString();
}
