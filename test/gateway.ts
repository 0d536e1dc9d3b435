/**
 * A payment gateway as a process of its own, which does to a payment what its card says. As a program it serves on a free
 * port, tells it to its parent, and answers its parent's questions for what it has seen.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

export const GATEWAY_KEY = "gateway-key-of-the-tests";

/** Cards by what becomes of a payment with them. */
export const CARDS = {
  /** Approved at once. */
  good: "4111111111111111",
  declined: "4000000000000002",
  /** Accepted, but the answer comes after three seconds. */
  slow: "4000000000000010",
  /** Accepted, and the connection is closed in place of an answer. */
  cut: "4000000000000028",
  /** The connection is closed before anything is accepted. */
  lost: "4000000000000036",
  /** Decided at the third look-up. */
  pending: "4000000000000044",
  /** Accepted, and answered by a page that says nothing. */
  broken: "4000000000000051",
} as const;

export interface Gateway {
  url: string;
  /** Charges by reference, each with how often it was asked for. */
  charges(): Promise<Record<string, { amount: string; card: string; asked: number; lookedUp: number }>>;
  stop(): Promise<void>;
}

type Charges = Awaited<ReturnType<Gateway["charges"]>>;

/** Starts one; stop it when the test is over. */
export async function startGateway(): Promise<Gateway> {
  const child: ChildProcess = fork(new URL("./gateway.js", import.meta.url), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [port] = (await once(child, "message")) as [number];
  return {
    url: `http://127.0.0.1:${port}/charges`,
    async charges() {
      child.send("charges");
      const [seen] = (await once(child, "message")) as [Charges];
      return seen;
    },
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

const seen: Charges = {};

async function charge(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { reference, amount, card } = JSON.parse(await text(request));
  if (card.number === CARDS.lost) return void request.socket.destroy();
  seen[reference] ??= { amount, card: card.number, asked: 0, lookedUp: 0 };
  seen[reference].asked += 1;
  if (card.number === CARDS.cut) return void request.socket.destroy();
  if (card.number === CARDS.broken) return void response.writeHead(502).end("<html>Bad gateway</html>");
  const wait = card.number === CARDS.slow ? 3_000 : 0;
  setTimeout(() => answer(response, reference), wait);
}

function answer(response: ServerResponse, reference: string): void {
  const { card, lookedUp } = seen[reference] ?? { card: "", lookedUp: 0 };
  const status = card === CARDS.declined ? "declined" : card === CARDS.pending && lookedUp < 3 ? "pending" : "approved";
  const reason = status === "declined" ? { reason: `no funds on ${card}` } : {};
  response.writeHead(status === "declined" ? 402 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify({ status, ...reason }));
}

async function serve(): Promise<void> {
  const server = createServer((request, response) => {
    if (request.headers.authorization !== `Bearer ${GATEWAY_KEY}`) return void response.writeHead(401).end("{}");
    if (request.method === "POST") return void charge(request, response);
    const reference = request.url?.split("/").at(-1) ?? "";
    const known = seen[reference];
    if (known === undefined) return void response.writeHead(404).end("{}");
    known.lookedUp += 1;
    answer(response, reference);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  process.send?.((server.address() as AddressInfo).port);
  process.on("message", () => process.send?.(seen));
  process.once("SIGTERM", () => process.exit(0));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await serve();
