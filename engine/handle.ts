/** One request from its first stage to its last; the only place where an error becomes an answer. */
import type { Admission } from "./admit/admit.js";
import { andThen } from "./at-once.js";
import type { Handle, Incoming, Registry } from "./contracts.js";
import { decode, formatOf } from "./decode.js";
import { encode } from "./encode.js";
import { ApiError, toApiError } from "./errors.js";
import type { Log } from "./log.js";
import type { Entry } from "./registry/entry.js";
import type { Answer, ApiRequest, EncodedAnswer } from "./request.js";
import type { Run } from "./run/run.js";
import type { SettingsStore } from "./settings.js";

export interface Pipeline {
  registry: Registry;
  admission: Admission;
  run: Run;
  settings: SettingsStore;
  log: Log;
  /** Counts a request for `info`. */
  count(ok: boolean): void;
}

/** Makes the function in which every transport ends: transport → decode → resolve → admit → validate → run → encode. */
export function makeHandle(pipeline: Pipeline): Handle {
  const { settings, log } = pipeline;
  return (incoming) => {
    const started = log.isLevelEnabled("debug") ? performance.now() : undefined;
    let request: ApiRequest | undefined;
    const end = (answer: Answer): EncodedAnswer => {
      pipeline.count(answer.ok);
      if (started !== undefined) logRequest(pipeline, { incoming, request, answer, started });
      return encode(answer, request ?? { ...formatOf(incoming), entry: "", peer: incoming.peer }, settings.current);
    };
    const fail = (cause: unknown) => end(failure(cause, incoming, request, log));
    let answer: Answer | Promise<Answer>;
    try {
      answer = andThen(decode(incoming, settings.current), (decoded) => {
        request = decoded;
        return answerTo(decoded, pipeline);
      });
    } catch (cause) {
      return fail(cause);
    }
    return answer instanceof Promise ? answer.then(end, fail) : end(answer);
  };
}

function answerTo(request: ApiRequest, pipeline: Pipeline): Answer | Promise<Answer> {
  const { registry, admission } = pipeline;
  const entry = resolve(registry, request.entry);
  return andThen(admission.admit(request, entry), (caller) => {
    const failed = (cause: unknown): never => {
      admission.failed(request, entry, caller);
      throw cause;
    };
    try {
      const params = entry.validate(request.params, positionalOf(request, entry));
      const answer = pipeline.run(entry, params, caller, request);
      return answer instanceof Promise ? answer.catch(failed) : answer;
    } catch (cause) {
      return failed(cause);
    }
  });
}

interface Course {
  incoming: Incoming;
  request: ApiRequest | undefined;
  answer: Answer;
  /** Of `performance.now()`. */
  started: number;
}

function logRequest({ log, registry }: Pipeline, { incoming: { peer }, request, answer, started }: Course): void {
  log.debug({
    event: "request",
    id: request?.id ?? "",
    entry: request?.entry ?? "",
    ok: answer.ok,
    peer: peer.address,
    transport: peer.transport,
    generation: registry.current.generation,
    ms: performance.now() - started,
  });
}

/** On the console a lone parameter takes the rest of the line, commas and all: `db,select a, b from x`. */
function positionalOf({ positional, rest }: ApiRequest, { params }: Entry): readonly string[] {
  return rest !== undefined && params.length === 1 && positional.length > 1 ? [rest] : positional;
}

/** The entry of that name. Its snapshot is kept by the request to its end. Errors: ApiError. */
function resolve(registry: Registry, name: string): Entry {
  const entry = registry.current.entries.get(name);
  if (entry === undefined)
    throw new ApiError("unknown entry", `${printable(name)} is not an entry; help lists those that there are`);
  if (registry.behind && entry.name !== "apireload")
    throw new ApiError("not available", "the definitions are being renewed; try again in a few seconds");
  switch (entry.closed) {
    case "faulty":
      throw new ApiError("not available", `the definition of ${entry.name} is faulty; apireload tells why`);
    case "disabled":
      throw new ApiError("not available", `${entry.name} is switched off`);
    case "pending":
      throw new ApiError("not available", `${entry.name} is not part of this version`);
    default:
      return entry;
  }
}

/** What a caller sent, safe to be shown: printable and short. */
const printable = (text: string): string => text.replace(/[^\p{L}\p{N}_.\- ]/gu, "?").slice(0, 64);

function failure(cause: unknown, incoming: Incoming, request: ApiRequest | undefined, log: Log): Answer {
  const error = toApiError(cause, request?.id ?? incoming.peer.connection);
  if (error !== cause)
    log.error(
      { event: "internal error", id: request?.id, entry: request?.entry, err: cause },
      "a request failed inside",
    );
  return { ok: false, text: error.text };
}
