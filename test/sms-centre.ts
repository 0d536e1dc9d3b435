/** An SMS centre that speaks SMPP: takes messages as a network does, reports on them, and lets phones send. */
import { once } from "node:events";
import smpp, { type Pdu, type Session } from "smpp";
import { freePort } from "./databases.js";

export interface Taken {
  from: string;
  sourceTon: number;
  to: string;
  dataCoding: number;
  /** The header of a part of several: reference, parts, which one. */
  header: number[] | undefined;
  text: string;
}

export interface SmsCentre {
  port: number;
  /** What it took, in its order; refused ones are not among them. */
  taken: Taken[];
  /** Logins that it saw: name and password. */
  logins: string[];
  /** A phone sends a message to whoever is bound. Resolves with the status of the answer. */
  phoneSends(from: string, to: string, text: string, coding?: "gsm" | "ucs2"): Promise<number>;
  /** Sends a receipt for the messages that were taken with the word `later` in their text. */
  reportLater(stat: string): void;
  /** Sends a receipt under any id. Resolves with the status of the answer. */
  report(id: string, stat: string): Promise<number>;
  /** Breaks all links. */
  cut(): void;
  stop(): Promise<void>;
}

const REFUSED = 0x0b;
const THROTTLED = 0x58;
const WRONG_PASSWORD = 0x0e;
const RECEIPT = 4;

/**
 * What a message holds decides what becomes of it: `fail` is not delivered, `refuse` is refused at once, `busy` is throttled
 * at the first try, `later` waits for `reportLater`; everything else is delivered.
 */
export async function startSmsCentre(password = "secret", given?: number): Promise<SmsCentre> {
  const port = given ?? (await freePort());
  const taken: Taken[] = [];
  const logins: string[] = [];
  const throttled = new Set<string>();
  const later: { session: Session; pdu: Pdu; id: string }[] = [];
  const bound = new Set<Session>();
  let last = 0;

  const submitted = (session: Session, pdu: Pdu) => {
    const message = readMessage(pdu);
    const refuse = (status: number) => void session.send(pdu.response({ command_status: status }));
    if (message.text.includes("refuse")) return refuse(REFUSED);
    if (message.text.includes("busy") && !throttled.has(message.text)) {
      throttled.add(message.text);
      return refuse(THROTTLED);
    }
    last += 1;
    const id = `C${last}`;
    taken.push(message);
    session.send(pdu.response({ message_id: id }));
    if (message.text.includes("later")) later.push({ session, pdu, id });
    else if (pdu["registered_delivery"])
      sendReceipt(session, pdu, id, message.text.includes("fail") ? "UNDELIV" : "DELIVRD");
  };
  const server = smpp.createServer({}, (session) => {
    session.on("error", () => session.destroy());
    session.socket.once("close", () => bound.delete(session));
    for (const kind of ["bind_transceiver", "bind_receiver", "bind_transmitter"])
      session.on(kind, (pdu: Pdu) => {
        logins.push(`${pdu["system_id"]} ${pdu["password"]}`);
        if (pdu["password"] !== password) return void session.send(pdu.response({ command_status: WRONG_PASSWORD }));
        if (kind !== "bind_transmitter") bound.add(session);
        session.send(pdu.response());
      });
    session.on("enquire_link", (pdu: Pdu) => session.send(pdu.response()));
    session.on("unbind", (pdu: Pdu) => {
      session.send(pdu.response());
      session.close();
    });
    session.on("submit_sm", (pdu: Pdu) => submitted(session, pdu));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port,
    taken,
    logins,
    phoneSends: (from, to, text, coding = "gsm") =>
      new Promise((resolve, reject) => {
        const [session] = bound;
        if (session === undefined) return reject(new Error("nobody is bound"));
        const bytes = coding === "gsm" ? smpp.encodings.ASCII.encode(text) : smpp.encodings.UCS2.encode(text);
        session.deliver_sm(
          {
            source_addr: from,
            source_addr_ton: 1,
            source_addr_npi: 1,
            destination_addr: to,
            data_coding: coding === "gsm" ? 0 : 8,
            short_message: bytes,
          },
          (answer) => resolve(answer.command_status),
        );
      }),
    reportLater(stat) {
      for (const { session, pdu, id } of later.splice(0)) sendReceipt(session, pdu, id, stat);
    },
    report: (id, stat) =>
      new Promise((resolve, reject) => {
        const [session] = bound;
        if (session === undefined) return reject(new Error("nobody is bound"));
        session.deliver_sm({ esm_class: RECEIPT, short_message: receiptText(id, stat) }, (answer) =>
          resolve(answer.command_status),
        );
      }),
    cut() {
      for (const session of server.sessions) session.destroy();
    },
    async stop() {
      for (const session of server.sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function readMessage(pdu: Pdu): Taken {
  const { message, udh } = pdu["short_message"] as { message: string | Buffer; udh?: Buffer[] };
  const header = udh?.[0];
  return {
    from: String(pdu["source_addr"]),
    sourceTon: Number(pdu["source_addr_ton"]),
    to: String(pdu["destination_addr"]),
    dataCoding: Number(pdu["data_coding"]),
    header: header === undefined ? undefined : [...header.subarray(-3)],
    text: message.toString(),
  };
}

const sendReceipt = (session: Session, pdu: Pdu, id: string, stat: string): void =>
  void session.deliver_sm({
    source_addr: pdu["destination_addr"],
    destination_addr: pdu["source_addr"],
    esm_class: RECEIPT,
    short_message: receiptText(id, stat),
  });

const receiptText = (id: string, stat: string): string =>
  `id:${id} sub:001 dlvrd:001 submit date:2611250800 done date:2611250801 stat:${stat} err:000 text:x`;
