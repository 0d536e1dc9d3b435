/** From what a transport received to one flat map of parameters; what all entries share is resolved here. */
import { randomBytes } from "node:crypto";
import { answerFormatOf, readAs } from "./body.js";
import type { Incoming } from "./contracts.js";
import { ApiError } from "./errors.js";
import { readers } from "./formats.js";
import { openHidden } from "./hidden.js";
import { readOld } from "./old-api/decode.js";
import { Parameters } from "./parameters.js";
import { readQuery } from "./query.js";
import type { AnswerFormat, ApiRequest } from "./request.js";
import type { Settings } from "./settings.js";
import { isApiPath, isOldApiPath, splitTarget, type Target } from "./target.js";

/** Errors: ApiError, thrown or as a rejection. A promise only where the body's format needs one. */
export function decode(incoming: Incoming, settings: Settings): ApiRequest | Promise<ApiRequest> {
  const { command } = incoming;
  if (command !== undefined) return decodeCommand(command, incoming, settings);
  const target = splitTarget(incoming.target);
  const { path, query } = target;
  if (isOldApiPath(path)) return decodeOld(target, incoming, settings);
  if (path !== "") checkPath(path);
  if (path.includes("/jppget")) return decodeForwarded(query, incoming, settings);
  const params = new Parameters();
  readQuery(query, (name, value) => params.add(name, value));
  if (incoming.body.length === 0) return requestOf(params, incoming, settings);
  return decodeBody(params, incoming, settings);
}

/** The answer's format and callback where decoding failed: what the request seems to ask for. Never throws. */
export function formatOf(incoming: Incoming): Pick<ApiRequest, "format"> {
  const { path, query } = splitTarget(incoming.target);
  if (isOldApiPath(path)) return { format: "old" };
  let named: AnswerFormat | undefined;
  readQuery(query, (name, value) => {
    if (name.toLowerCase() === "format") named ??= FORMATS.get(value.toLowerCase());
  });
  // A callback may be what was wrong, or JSONP may be off: a script is written only for a request that was understood.
  if (named === "jsonp") return { format: "text" };
  return { format: named ?? answerFormatOf(incoming.body, incoming.contentType) };
}

function checkPath(path: string): void {
  if (isApiPath(path)) return;
  throw new ApiError("not found", "requests go to /mvapireq/?apientry=NAME");
}

function decodeOld(target: Target, incoming: Incoming, settings: Settings): ApiRequest {
  const { params, old } = readOld(target, incoming);
  return { ...requestOf(params, { ...incoming, body: NOTHING }, settings), format: "old", old };
}

function decodeCommand(command: NonNullable<Incoming["command"]>, incoming: Incoming, settings: Settings): ApiRequest {
  const params = new Parameters();
  params.add("apientry", command.entry);
  for (const [name, value] of command.named) params.add(name, value);
  return { ...requestOf(params, incoming, settings), positional: command.positional, rest: command.rest };
}

/** The query was read first, so that what it says wins over the body. */
function decodeBody(params: Parameters, incoming: Incoming, settings: Settings): ApiRequest | Promise<ApiRequest> {
  const { body, contentType } = incoming;
  const reader = readers.get(readAs(body, contentType));
  const pairs = reader?.(body, contentType) ?? [];
  const join = (read: Awaited<typeof pairs>) => {
    for (const [name, value] of read) params.add(name, value);
    return requestOf(params, incoming, settings);
  };
  return pairs instanceof Promise ? pairs.then(join) : join(pairs);
}

/**
 * `jppget?url=...&callback=...`: the query of that address is taken for the request. Nothing is fetched, so an address of
 * another server only gets this server's answer.
 */
function decodeForwarded(query: string, incoming: Incoming, settings: Settings): ApiRequest | Promise<ApiRequest> {
  if (settings.enablejsonp !== "2") throw new ApiError("not configured", "jppget needs enablejsonp = 2");
  const outer = new Parameters();
  readQuery(query, (name, value) => outer.add(name, value));
  const url = outer.text("url") ?? "";
  const callback = checkedCallback(outer.text("callback"));
  const { path } = splitTarget(url);
  if (!isApiPath(path) || path.includes("/jppget"))
    throw new ApiError("wrong parameter", "url must be an address of this server's API");
  const inner = { peer: incoming.peer, target: url, body: NOTHING, contentType: "" };
  const request = decode(inner, settings);
  const forward = (it: ApiRequest): ApiRequest => ({ ...it, format: "jppget", callback });
  return request instanceof Promise ? request.then(forward) : forward(request);
}
const NOTHING = Buffer.alloc(0);

function requestOf(params: Parameters, incoming: Incoming, settings: Settings): ApiRequest {
  openHidden(params, settings.httpapiencryptkey);
  const positional = sortOut(params);
  params.fill("authsalt1", "authsalt");
  params.fill("authkey", "httpapikey");
  if (params.text("authid") !== undefined && params.text("authmd5") === undefined) params.fill("authpwd", "password");
  const entry = params.text("apientry")?.trim().toLowerCase();
  if (!entry)
    throw new ApiError("wrong parameter", "apientry is missing: it names the entry, as in ?apientry=apitest1");
  const callback = params.text("callback");
  const format = formatFor(params, callback, incoming, settings);
  const request: ApiRequest = { id: nextId(), entry, params: params.map, positional, peer: incoming.peer, format };
  if (format === "jsonp") request.callback = checkedCallback(callback);
  return request;
}

/** A format that is none of these is a parameter of the entry's own, and the answer's form is guessed. */
const FORMATS: ReadonlyMap<string, AnswerFormat> = new Map<string, AnswerFormat>([
  ["text", "text"],
  ["txt", "text"],
  ["cleartext", "cleartext"],
  ["html", "html"],
  ["xml", "xml"],
  ["soap", "soap"],
  ["json", "json"],
  ["jsonp", "jsonp"],
]);

function formatFor(
  params: Parameters,
  callback: string | undefined,
  incoming: Incoming,
  settings: Settings,
): AnswerFormat {
  const text = params.text("format");
  const named = text === undefined ? undefined : FORMATS.get(text.toLowerCase());
  if (named === "jsonp" && settings.enablejsonp === "0")
    throw new ApiError("not configured", "format=jsonp needs enablejsonp = 1");
  if (named !== undefined) return named;
  // A page that loads a script gives the callback alone; an entry's own parameter of that name is hardly an identifier.
  const isFromPage = callback !== undefined && incoming.target !== "" && incoming.body.length === 0;
  if (isFromPage && settings.enablejsonp !== "0" && isCallback(callback)) return "jsonp";
  return answerFormatOf(incoming.body, incoming.contentType);
}

const isCallback = (text: string): boolean =>
  text.length <= 100 && /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/.test(text);

function checkedCallback(callback: string | undefined): string {
  if (callback !== undefined && isCallback(callback)) return callback;
  throw new ApiError("wrong parameter", "callback must be the name of a function");
}

const LEADING = ["apientry", "authkey", "authid", "authpwd"] as const;

/**
 * `param1..n`. Where no entry is named they are entry, key, user, password and then the entry's values in their order;
 * otherwise all are values of the entry. A gap is an empty value.
 */
function sortOut(params: Parameters): string[] {
  const values: string[] = [];
  if (!params.numbered) return values;
  for (const [name, value] of params.map) {
    const place = NUMBERED.exec(name)?.[1];
    if (place !== undefined) values[Number(place) - 1] = value ?? "";
  }
  const inOrder = Array.from(values, (value) => value ?? "");
  if (params.text("apientry") !== undefined) return inOrder;
  for (const name of LEADING) params.add(name, inOrder.shift() ?? "");
  return inOrder;
}
const NUMBERED = /^param([1-9]\d?)$/;

/** Unique over restarts and servers, so that a log line can be found by it. */
const nextId = (): string => {
  count += 1;
  return `${PROCESS}-${count.toString(36)}`;
};
const PROCESS = randomBytes(4).toString("hex");
let count = 0;
