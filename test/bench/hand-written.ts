/**
 * What a programmer would write by hand for one entry: the equivalent that the bench measures the engine against.
 * Run as a program: `hand-written.js bare|sqlite|mariadb DATABASE`; prints its port.
 */
import { createDecipheriv, hash, timingSafeEqual } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { parse } from "node:querystring";
import Database from "better-sqlite3";
import mysql from "mysql2";
import { KEY, SALT, SEAL_KEY } from "../server.js";

interface Account {
  id: number;
  username: string;
  password: string;
  type: number;
  rights: number;
  enabled: number;
  temporarydisabled: number;
  credit: string | number;
  currency: string;
  postpaid: number;
}
type Find = (name: string, done: (account: Account | undefined) => void) => void;

const STATEMENT = `select id, username, password, pin, type, rights, parentid, enabled, temporarydisabled, needauth, credit, currency, postpaid
  from tb_users where username = ?`;

const key = Buffer.from(KEY);
const sealKey = Buffer.from(SEAL_KEY, "hex");
const opened = new Map<string, string>();

/** As the engine does: sealed with AES-256-GCM, and kept once it is opened. */
function passwordOf(stored: string): string {
  const known = opened.get(stored);
  if (known !== undefined) return known;
  if (!stored.startsWith("sealed1:")) return stored;
  const raw = Buffer.from(stored.slice("sealed1:".length), "base64url");
  const decipher = createDecipheriv("aes-256-gcm", sealKey, raw.subarray(0, 12));
  decipher.setAuthTag(raw.subarray(12, 28));
  const clear = decipher.update(raw.subarray(28), undefined, "utf8") + decipher.final("utf8");
  opened.set(stored, clear);
  return clear;
}

const equal = (one: Buffer, other: Buffer): boolean => one.length === other.length && timingSafeEqual(one, other);

function answer(response: ServerResponse, body: string): void {
  response.writeHead(200, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}

function balance(find: Find, url: string, response: ServerResponse): void {
  const query = parse(url.slice(url.indexOf("?") + 1)) as Record<string, string | undefined>;
  if (!equal(Buffer.from(query["authkey"] ?? ""), key)) {
    answer(response, "ERROR: auth failed: wrong key");
    return;
  }
  find(query["authid"] ?? "", (account) => {
    const password = account === undefined ? "" : passwordOf(account.password);
    const digest = hash("md5", `ck5Gp${query["authid"]}${password}${SALT}${query["authsalt1"]}`, "hex");
    const right = equal(Buffer.from(digest), Buffer.from((query["authmd5"] ?? "").toLowerCase()));
    if (account === undefined || !right || account.enabled !== 1 || account.temporarydisabled === 1)
      return answer(response, "ERROR: auth failed: wrong user or password");
    const credit = String(account.credit).replace(/\.?0+$/, "");
    answer(
      response,
      `${account.postpaid === 1 ? "Postpaid, your" : "Your"} credit is $${credit === "" ? "0" : credit}`,
    );
  });
}

function finderFor(kind: string, address: string): Find {
  if (kind === "sqlite") {
    const statement = new Database(address.slice("sqlite:".length)).prepare(STATEMENT);
    return (name, done) => done(statement.get(name) as Account | undefined);
  }
  const pool = mysql.createPool({ uri: address, connectionLimit: 10, dateStrings: true, supportBigNumbers: true });
  return (name, done) =>
    pool.execute(STATEMENT, [name], (cause, rows) => {
      if (cause) throw cause;
      done((rows as Account[])[0]);
    });
}

const [kind = "bare", address = ""] = process.argv.slice(2);
const find = kind === "bare" ? undefined : finderFor(kind, address);
const server = createServer((request, response) => {
  if (find === undefined) answer(response, "OK: 2026-01-31 12:00:00 UTC");
  else balance(find, request.url ?? "", response);
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
