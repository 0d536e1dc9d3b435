/** Requests against the sample data that work as they are pasted. */
import { simpleDigest } from "../admit/digest.js";
import type { Settings } from "../settings.js";
import type { Transports } from "../transports.js";

const SAMPLE_USER = "alice";
const SAMPLE_PASSWORD = "alice-sample";

function signed({ apiv2key, apiv2md5salt }: Settings): string {
  const salt = "12345";
  const digest = simpleDigest(SAMPLE_USER, SAMPLE_PASSWORD, salt, apiv2md5salt);
  return `authkey=${apiv2key}&authid=${SAMPLE_USER}&authmd5=${digest}&authsalt1=${salt}`;
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
