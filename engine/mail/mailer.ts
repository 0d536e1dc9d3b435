/** The SMTP server of the options: a pool of connections, remade when the options are others. */
import { readFileSync } from "node:fs";
import nodemailer from "nodemailer";
import type { Services } from "../contracts.js";
import { PassingError } from "../errors.js";
import type { Settings } from "../settings.js";

/** One mail as it is sent, to one recipient; addresses are bare mailboxes. */
export interface Mail {
  to: string;
  /** `mailfrom` where absent. */
  from?: string;
  replyTo?: string;
  subject: string;
  text: string;
  /** The same at each try, so that who gets a mail twice can tell: the part before the `@`. */
  id: string;
}

const SMTP = ["smtphost", "smtpport", "smtpuser", "smtppassword", "smtpsecure", "smtpca", "smtptimeout"] as const;

type Pool = ReturnType<typeof openPool>;
const pools = new WeakMap<Services["settings"], { options: string; pool: Pool }>();

/** What the owner has to set first; undefined when mail can be sent. */
export const mailLacks = ({ smtphost, mailfrom }: Settings): string | undefined =>
  smtphost !== "" && mailfrom !== "" ? undefined : "set smtphost and mailfrom to send mail";

/** Errors: PassingError when a later try may do better; Error when the server refuses the mail, the login or its form. */
export async function sendMail(
  mail: Mail,
  { settings }: Pick<Services, "settings">,
  signal: AbortSignal,
): Promise<void> {
  const { current } = settings;
  const lacks = mailLacks(current);
  if (lacks !== undefined) throw new Error(`not configured: ${lacks}`);
  const { to, from = current.mailfrom, replyTo, subject, text, id } = mail;
  const pool = poolOf(settings);
  try {
    await pool.sendMail({
      from,
      ...(replyTo === undefined ? {} : { replyTo: { name: "", address: replyTo } }),
      to: { name: "", address: to },
      subject: oneLine(subject),
      text,
      messageId: `<${id}@${domainOf(current.mailfrom)}>`,
      signal,
    });
  } catch (cause) {
    // Mails that wait for a connection of a pool that is closed meanwhile have done nothing wrong.
    if (pools.get(settings)?.pool !== pool)
      throw new PassingError("the options of mail were changed meanwhile", { cause });
    throw classified(cause);
  }
}

/** Closes the connections of a server that stops. */
export function closeMailer({ settings }: Pick<Services, "settings">): void {
  pools.get(settings)?.pool.close();
  pools.delete(settings);
}

function poolOf(store: Services["settings"]): Pool {
  const known = pools.get(store);
  const options = JSON.stringify(SMTP.map((name) => store.current[name]));
  if (known?.options === options) return known.pool;
  const pool = openPool(store.current);
  known?.pool.close();
  pools.set(store, { options, pool });
  return pool;
}

function openPool(settings: Settings) {
  const { smtphost, smtpport, smtpuser, smtppassword, smtpsecure, smtpca, smtptimeout } = settings;
  const timeout = smtptimeout * 1_000;
  return nodemailer.createTransport({
    pool: true,
    host: smtphost,
    port: smtpport,
    secure: smtpsecure === "tls",
    requireTLS: smtpsecure === "starttls",
    ignoreTLS: smtpsecure === "none",
    ...(smtpuser === "" ? {} : { auth: { user: smtpuser, pass: smtppassword } }),
    ...(smtpca === "" ? {} : { tls: { ca: certificate(smtpca) } }),
    maxConnections: 5,
    // A mail whose connection broke goes back to the outbox, which counts its tries.
    maxRequeues: 0,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

function certificate(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new Error("not configured: smtpca must name a PEM file that can be read");
  }
}

const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, " ").trim();

/** Of `Name <box@domain>` or `box@domain`. */
const domainOf = (from: string): string => /@([\w.-]+)>?\s*$/.exec(from)?.[1] ?? "localhost";

/** Refusals of the server (5xx) and faulty mails stay what they are; a connection that fails may not fail again. */
const FINAL_CODES: ReadonlySet<unknown> = new Set(["EENVELOPE", "EMESSAGE", "EAUTH", "ENOAUTH", "ECONFIG"]);

function classified(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  const { code, responseCode } = cause as { code?: unknown; responseCode?: unknown };
  const final = typeof responseCode === "number" ? responseCode >= 500 : code === undefined || FINAL_CODES.has(code);
  return final ? cause : new PassingError(`the mail server: ${cause.message}`, { cause });
}
