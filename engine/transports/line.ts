/** TCP and TLS without HTTP: a line is a request, answered by a line; rows end in an empty line. */
import type { Socket } from "node:net";
import type { Connection } from "../connections/connections.js";
import type { TransportContext } from "../connections/context.js";
import { send, serveLines } from "../connections/lines.js";
import { directPeer } from "../connections/peers.js";
import { makeAnswerText } from "./tunnel.js";

export type ServeLine = (socket: Socket, connection: Connection, secure: boolean) => void;

export function makeLine(context: TransportContext): ServeLine {
  const { settings, tunnels } = context;
  const answerText = makeAnswerText(context);
  return (socket, connection, secure) => {
    const peer = directPeer(secure ? "tls" : "tcp", connection);
    socket.once("close", () => tunnels.end(connection.id));
    serveLines(socket, connection, {
      settings,
      tooLong: "ERROR: wrong parameter: the line is longer than maxline allows\n",
      async take(line) {
        const text = line.toString("utf8");
        if (text.trim() === "") return true;
        const answer = await answerText(text, peer);
        await send(socket, answer.body);
        return !answer.close;
      },
    });
  };
}
