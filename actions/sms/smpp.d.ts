/** What is used of the package smpp, which has no types of its own. */
declare module "smpp" {
  import type { EventEmitter } from "node:events";
  import type { Server as NetServer } from "node:net";

  export interface Pdu {
    command: string;
    command_status: number;
    sequence_number: number;
    response(options?: Record<string, unknown>): Pdu;
    [field: string]: unknown;
  }

  export interface Session extends EventEmitter {
    readonly socket: import("node:net").Socket;
    send(pdu: Pdu): boolean;
    bind_transceiver(fields: Record<string, unknown>, answered: (answer: Pdu) => void): boolean;
    submit_sm(fields: Record<string, unknown>, answered: (answer: Pdu) => void): boolean;
    deliver_sm(fields: Record<string, unknown>, answered?: (answer: Pdu) => void): boolean;
    enquire_link(answered?: (answer: Pdu) => void): boolean;
    unbind(answered?: (answer: Pdu) => void): boolean;
    close(closed?: () => void): void;
    destroy(closed?: () => void): void;
  }

  export interface Server extends NetServer {
    readonly sessions: Session[];
  }

  interface Coder {
    encode(text: string): Buffer;
    decode(bytes: Buffer): string;
  }

  const smpp: {
    connect(options: { host: string; port: number }): Session;
    createServer(options: object, served: (session: Session) => void): Server;
    encodings: { ASCII: Coder; UCS2: Coder };
    gsmCoder: { GSM: { chars: string; extChars: string } };
  };
  export default smpp;
}
