/** The forms of `authmd5`; pure functions of what was sent, what is stored and the server's salt. */
import { hash, timingSafeEqual } from "node:crypto";

export interface SentDigest {
  /** `authmd5` as sent: hex in either case, with `authv3_` before it or not. */
  digest: string;
  /** `authid` as sent. */
  name: string;
  salt1: string;
  salt2: string;
  /** The whole nonce whose first characters were sent, or what was sent where none is known by it; empty for none. */
  nonce: string;
}

export interface KnownAccount {
  username: string;
  /** In clear. */
  password: string;
}

/** A digest with the nonce in it is worth more than one without. */
export type DigestMatch = "nonce" | "plain" | undefined;

type Form = (name: string, password: string, sent: SentDigest, serverSalt: string) => string;

const md5 = (text: string): string => hash("md5", text, "hex");

const V3: Form = (name, password, sent, serverSalt) =>
  md5(md5(`tU29m${name}${password}${sent.salt1}`) + sent.salt2 + serverSalt);
const V3_NONCE: Form = (name, password, sent, serverSalt) =>
  md5(md5(`tU29m${name}${password}${sent.salt1}`) + sent.salt2 + serverSalt + sent.nonce);
/** The form of today's clients without a nonce. */
export const simpleDigest = (name: string, password: string, salt1: string, serverSalt: string): string =>
  md5(`ck5Gp${name}${password}${serverSalt}${salt1}`);
const SIMPLE: Form = (name, password, { salt1 }, serverSalt) => simpleDigest(name, password, salt1, serverSalt);
const SIMPLE_NONCE: Form = (name, password, sent, serverSalt) =>
  md5(`ck5Gp${name}${password}${serverSalt}${sent.salt1}${sent.nonce}`);

/** MD5CHECKSUM and MD5WEB of older clients. */
const OLD: readonly Form[] = [
  (name, password, { salt1 }) => md5(`rD58s:${name}:${password}:${salt1}`),
  (name, password, { salt1 }) => md5(`C8y5:${name}:${password}:${salt1}`),
];
/** MD5NORMAL, joined as the documents say and as clients do. */
const SALTED: readonly Form[] = [
  (name, password, { salt1 }) => md5(name + password + salt1),
  (name, password, { salt1 }) => md5(`${name}:${password}:${salt1}`),
];
/** MD5SIMPLE and MD5AUTH: whoever has read one can send it for ever. */
const REPLAYABLE: readonly Form[] = [
  (name, password) => md5(name + password),
  (name, password) => md5(`${name}:${password}`),
  (_name, password) => md5(password),
];

const V3_FORMS: readonly Form[] = [V3];
const FRESH_FORMS: readonly Form[] = [SIMPLE, ...OLD, ...SALTED];
const SALTLESS_FORMS: readonly Form[] = [SIMPLE, ...OLD];
const ALL_FORMS: readonly Form[] = [SIMPLE, ...OLD, ...SALTED, ...REPLAYABLE];

const SHAPE = /^(authv3_)?([0-9a-f]{32})$/;

/**
 * Whether the digest is one of that account, and whether it covers the nonce. The name in it may be the one sent or the one stored.
 * `replayable` accepts the forms without a salt too. Stops at the first form that fits: that tells nothing to who can't make one.
 */
export function matchDigest(
  sent: SentDigest,
  account: KnownAccount,
  serverSalt: string,
  replayable: boolean,
): DigestMatch {
  const shape = SHAPE.exec(sent.digest.toLowerCase());
  if (shape === null || account.password === "") return undefined;
  const target = Buffer.from(shape[2] ?? "", "latin1");
  const v3 = shape[1] !== undefined;
  const fits = (form: Form, name: string): boolean =>
    timingSafeEqual(Buffer.from(form(name, account.password, sent, serverSalt), "latin1"), target);
  const fitsAny = (form: Form): boolean =>
    fits(form, sent.name) || (sent.name !== account.username && fits(form, account.username));

  if (sent.nonce !== "" && fitsAny(v3 ? V3_NONCE : SIMPLE_NONCE)) return "nonce";
  return formsFor(v3, sent.salt1 !== "", replayable).some(fitsAny) ? "plain" : undefined;
}

function formsFor(v3: boolean, salted: boolean, replayable: boolean): readonly Form[] {
  if (v3) return V3_FORMS;
  if (replayable) return ALL_FORMS;
  return salted ? FRESH_FORMS : SALTLESS_FORMS;
}
