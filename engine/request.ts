/** The nouns of a request's way through the engine; types only. */
import type { Readable } from "node:stream";

export type TransportName =
  | "http"
  | "https"
  | "tcp"
  | "tls"
  | "udp"
  | "ws"
  | "wss"
  | "tunnel"
  | "console"
  | "sms"
  | "local";

/** Who is at the other end of the socket, as the transport saw it. */
export interface Peer {
  transport: TransportName;
  /** Address of the socket's other end, or of the client behind a proxy that the settings name. Without a port. */
  address: string;
  /** True when the request came with forwarding headers of a proxy that the settings don't name: it is never trusted. */
  forwarded: boolean;
  /** Identity of the connection, to be closed or limited. */
  connection: string;
  /** On the console the administrator who logged in there; of a request of the server's own what it is called. */
  consoleUser?: string;
  /** Set for a message: the id of the account whose number sent it. */
  account?: number;
}

/** A parameter's value: text, a number or boolean of JSON as its own text, or null where JSON says null. */
export type ParamValue = string | null;

/** One request, decoded. */
export interface ApiRequest {
  id: string;
  /** The entry's name as it was sent, in lower case. */
  entry: string;
  /** All parameters by their names in lower case. `apientry` and `auth*` are in here too. */
  params: ReadonlyMap<string, ParamValue>;
  /** Values without a name, in their order: the console's `entry,value,value`, or `param1..n` once they are sorted out. */
  positional: readonly string[];
  /** On the console: all that was typed behind the entry's name, for entries whose only parameter may contain commas. */
  rest?: string;
  peer: Peer;
  /** Which encoder writes the answer. */
  format: AnswerFormat;
  /** Set for a request of the old interface. */
  old?: OldRequest;
  /** JSONP's callback, checked to be an identifier. */
  callback?: string;
}

/** What of a request under `/xmapi/` is still of use once it has become one for an entry. */
export interface OldRequest {
  /** A good answer is `OK` alone, or what the entry answers. */
  answer: "ok" | "text";
  /** Addresses of `httpapiallowedip2` may send it without a login. */
  trusted: boolean;
  /** The caller was named by a PIN alone. */
  pincode: boolean;
}

export type AnswerFormat = "text" | "cleartext" | "html" | "xml" | "soap" | "json" | "jsonp" | "jppget" | "old";

/** A value in a row of an answer. Decimals are text without trailing zeros; whole numbers are numbers where they are safe. */
export type Cell = string | number | null;
export type Row = Record<string, Cell>;

/** What an entry answered. */
export interface Answer {
  ok: boolean;
  /** Without the `OK: ` or `ERROR: ` in front. */
  text: string;
  rows?: readonly Row[];
  /** Names of the columns in order; given where there are rows, also where there are none to show them. */
  columns?: readonly string[];
  /** True when there were more rows than may be shown. */
  truncated?: boolean;
  /** True for `balance` and `rating`: a good answer carries no `OK: ` in text form. */
  bare?: boolean;
  /** Text forms show the text in place of the rows. */
  prose?: boolean;
  /** The transport closes the connection after this answer. */
  close?: boolean;
  /** The console goes on with another server's after this answer. */
  relay?: RelayTarget;
  /** A file that is answered in place of the text. */
  content?: Content;
  /** The same, opened to be sent as it is. */
  file?: ServedFile;
}

/** The console of another server. */
export interface RelayTarget {
  host: string;
  port: number;
}

/** A file of an answer, not opened yet. */
export interface Content {
  /** Media type, such as `audio/mpeg`. */
  type: string;
  /** The name under which a caller would keep it. */
  filename: string;
  /** Called once at most. Errors: ApiError. */
  open(): Promise<OpenedContent>;
}
/** Whoever has it reads the stream to its end, or destroys it. */
export interface OpenedContent {
  stream: Readable;
  /** Bytes; undefined where that is known only at the end. */
  size: number | undefined;
}
export type ServedFile = OpenedContent & Pick<Content, "type" | "filename">;

/** Bytes of an answer and what HTTP says of them. */
export interface EncodedAnswer {
  /** HTTP status: 200, or 499 for a failure where `httpstrictresponse` is set. */
  status: number;
  contentType: string;
  body: Buffer | string;
  /** In place of the body; only HTTP is given one. */
  file?: ServedFile;
  close: boolean;
  relay?: RelayTarget;
}

/** How the caller was recognised. */
export type CallerKind = "public" | "user" | "reseller" | "support" | "admin" | "server-admin";

/** Who calls, once admitted. */
export interface Caller {
  /** Id in tb_users; 0 for a public caller and for one who is known by the address alone. */
  id: number;
  username: string;
  kind: CallerKind;
  /** The caller's row of tb_users without its secrets; empty for a public caller. Names in lower case. */
  fields: Readonly<Record<string, Cell>>;
  /** The administrator who acts for this user through `targetuser`. */
  actingFor?: { id: number; username: string };
}
