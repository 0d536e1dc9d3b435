/** UDP: a packet is a request, answered by one packet. */
import { isUtf8 } from "node:buffer";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { plainAddress } from "../connections/connections.js";
import type { TransportContext } from "../connections/context.js";
import type { Peer } from "../request.js";
import { makeAnswerText } from "./tunnel.js";

export interface Udp {
  /** Takes no more packets; resolves when those taken are answered and the socket is closed. */
  drain(): Promise<void>;
}

/** Errors: what the system says when the port can't be had. */
export async function openUdp(host: string, port: number, context: TransportContext): Promise<Udp> {
  const { settings, log } = context;
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  const answerText = makeAnswerText(context);
  const running = new Set<Promise<void>>();
  const receive = (packet: Buffer, from: RemoteInfo) => {
    // What is no text is some other protocol's, such as STUN; more than can be carried out is left to be sent again.
    if (!isUtf8(packet) || running.size >= settings.current.maxconnections) return;
    const text = packet.toString("utf8");
    if (text.trim() === "") return;
    const work = answerText(text, peerOf(from))
      .then((answer) => reply(socket, from, fitted(answer.body, settings.current.udpmaxanswer)))
      .finally(() => running.delete(work));
    running.add(work);
  };
  socket.bind(port, host);
  await once(socket, "listening");
  socket.on("message", receive);
  socket.on("error", (err) => log.warn({ event: "udp", err }, "the UDP socket reported a fault"));
  return {
    async drain() {
      socket.off("message", receive);
      await Promise.all(running);
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

const peerOf = (from: RemoteInfo): Peer => ({
  transport: "udp",
  address: plainAddress(from.address),
  forwarded: false,
  connection: `udp:${from.address}:${from.port}`,
});

const reply = (socket: Socket, to: RemoteInfo, body: string | Buffer): Promise<void> =>
  new Promise((resolve) => socket.send(body, to.port, to.address, () => resolve()));

/** An answer that fits in a packet, or an error in its place. */
function fitted(body: string | Buffer, most: number): string | Buffer {
  if (Buffer.byteLength(body) <= most) return body;
  return `ERROR: failed: the answer is longer than one packet of ${most} bytes, use TCP`;
}
