/** Hosts as people write them: an address or a name, with a port or without. */
import { isIP } from "node:net";
import type { Action } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import type { Cell } from "../engine/request.js";

const NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;
/** `host`, `host:port`, `[::1]`, `[::1]:port`. */
const FORM = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i;

interface Host {
  host: string;
  /** null where none is written. */
  port: number | null;
}

/** undefined for what is neither an address nor a name. */
export function hostOf(text: string): Host | undefined {
  if (isIP(text) === 6) return { host: text, port: null };
  const [, bracketed, plain = "", digits] = FORM.exec(text) ?? [];
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65_535)) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined;
  // What looks like an address has to be one
  const isHost = /^[\d.]+$/.test(plain) ? isIP(plain) === 4 : NAME.test(plain);
  return isHost ? { host: plain, port } : undefined;
}

const INPUT = { value: "What was sent.", parameter: "Name of the parameter, for the refusal." };

const checked = (host: Host | undefined, parameter: Cell | undefined, what: string): Host => {
  if (host === undefined) throw new ApiError("wrong parameter", `${parameter} must be ${what}`);
  return host;
};

const hosts: Action = {
  name: "hosts",
  operations: {
    parse: {
      summary: "Takes a host apart: `host` and `port`.",
      input: INPUT,
      transactional: true,
      run: async ({ value, parameter }) => ({
        ...checked(hostOf(cellText(value)), parameter, "a host such as sip.example.com or sip.example.com:5060"),
      }),
    },
    address: {
      summary: "The same for an IP address.",
      input: INPUT,
      transactional: true,
      async run({ value, parameter }) {
        const host = hostOf(cellText(value));
        const address = host !== undefined && isIP(host.host) !== 0 ? host : undefined;
        return { ...checked(address, parameter, "an IP address such as 192.0.2.1 or 192.0.2.1:5060") };
      },
    },
  },
};

export default hosts;
