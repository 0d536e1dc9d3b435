/** Requests against the sample data that work as they are pasted. */
import { createHash } from "node:crypto";
import type { Settings } from "../settings.js";
import type { Transports } from "../transports.js";

const SAMPLE_USER = "alice";
const SAMPLE_PASSWORD = "alice-sample";

/** The digest of the reference's simple form. */
function signed(settings: Settings): string {
  const salt = "12345";
  const text = `ck5Gp${SAMPLE_USER}${SAMPLE_PASSWORD}${settings.apiv2md5salt}${salt}`;
  const digest = createHash("md5").update(text, "utf8").digest("hex");
  return `authkey=${settings.apiv2key}&authid=${SAMPLE_USER}&authmd5=${digest}&authsalt1=${salt}`;
}

export function sampleRequests(settings: Settings, { port, adminPort }: Transports["ports"]): string {
  const login = signed(settings);
  const base = `http://127.0.0.1:${port}/mvapireq/`;
  const lines = [
    "",
    "Paste into a browser:",
    `  ${base}?apientry=apitest1`,
    `  ${base}?apientry=balance&${login}`,
    "Paste into a shell:",
    `  curl '${base}?apientry=rating&bnum=36301234567&${login}'`,
    `  curl '${base}?apientry=getdetails&format=json&${login}'`,
    `Paste behind nc 127.0.0.1 ${port}:`,
    `  /mvapireq/?apientry=balance&${login}`,
  ];
  if (adminPort !== undefined)
    lines.push("The console, with the administrator's name and password:", `  nc 127.0.0.1 ${adminPort}`);
  return lines.join("\n");
}
