/** The log: pino, with what must never be written taken out in one place. */
import { type Logger, pino } from "pino";
import type { LogFiles } from "./log-files.js";
import { logStream } from "./log-stream.js";

export type Log = Logger;

/** Names of parameters and fields whose values never reach the log, in lower case. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  "authkey",
  "authpwd",
  "authmd5",
  "password",
  "u_password",
  "newpassword",
  "oldpassword",
  "pin",
  "code",
  "cardnum",
  "ccv2",
  "paymentkey",
  "nonce",
  "mcrfs",
  "apiv2key",
  "apiv2md5salt",
  "httpapiencryptkey",
  "smtppassword",
  "pushkey",
  "vapidprivatekey",
  "faxgatewaykey",
]);

/**
 * Writes JSON lines to the files, or to standard error, so that standard output stays for what was asked for. Level: `trace`
 * to `silent`. `everywhere` gives what stands in each line.
 */
export const makeLog = (level: string, everywhere: () => object = () => ({}), files?: LogFiles): Log =>
  pino(
    {
      level,
      base: null,
      mixin: everywhere,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: [...SECRET_NAMES].flatMap((name) => [name, `*.${name}`]), censor: "***" },
    },
    files?.stream ?? logStream({ fd: 2 }, () => undefined),
  );
