/** A real SMTP server for tests: takes what it is sent, or behaves as badly as a case wants. */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

export interface ReceivedMail {
  from: string;
  to: string[];
  /** The whole message as it went over the wire. */
  source: string;
}

export interface MailServer {
  port: number;
  /** Options of a tbapi that sends there. */
  options: Record<string, string>;
  mails: ReceivedMail[];
  /** Resolves when so many mails came in. */
  received(count: number): Promise<ReceivedMail[]>;
  /** Is told each connection. */
  onConnection(see: (socket: Socket) => void): void;
  stop(): Promise<void>;
}

export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const waiting = new Set<() => void>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.cert === undefined ? ["STARTTLS"] : [],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          source: Buffer.concat(chunks).toString("utf8"),
        });
        done();
        for (const look of waiting) look();
      });
    },
    ...options,
  });
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  return {
    port,
    options: {
      TBAPI_SMTPHOST: "127.0.0.1",
      TBAPI_SMTPPORT: String(port),
      TBAPI_SMTPSECURE: "none",
      TBAPI_SMTPTIMEOUT: "5",
      TBAPI_MAILFROM: "Phones <phones@example.com>",
      TBAPI_MAILTO: "owner@example.com",
    },
    mails,
    received: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (mails.length < count) return;
          waiting.delete(look);
          resolve(mails);
        };
        waiting.add(look);
        look();
      }),
    onConnection: (see) => void server.server.on("connection", see),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export const headersOf = ({ source }: ReceivedMail): Map<string, string> => {
  const [head = ""] = source.split("\r\n\r\n", 1);
  const lines = head.replace(/\r\n[ \t]+/g, " ").split("\r\n");
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
  );
};

export const textOf = ({ source }: ReceivedMail): string => {
  const at = source.indexOf("\r\n\r\n");
  const text = source
    .slice(at + 4)
    .replaceAll("\r\n", "\n")
    .trimEnd();
  const encoding = /^content-transfer-encoding: (\S+)/im.exec(source.slice(0, at))?.[1];
  if (encoding === "base64") return Buffer.from(text, "base64").toString("utf8").replaceAll("\r\n", "\n").trimEnd();
  if (encoding !== "quoted-printable") return text;
  const bytes = text
    .replace(/=\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
};
