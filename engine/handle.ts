/** One request from its first stage to its last; the only place where an error becomes an answer. */
import type { Admission } from "./admit/admit.js";
import { andThen } from "./at-once.js";
import { withContent } from "./content.js";
import type { Handle, Incoming, Registry, ServerStatus } from "./contracts.js";
import { decode, formatOf } from "./decode.js";
import { encode } from "./encode.js";
import { ApiError, toApiError } from "./errors.js";
import type { Gate } from "./gate.js";
import type { Log } from "./log.js";
import type { Entry } from "./registry/entry.js";
import type { Answer, ApiRequest, EncodedAnswer, Peer } from "./request.js";
import type { Run } from "./run/run.js";
import type { SettingsStore } from "./settings.js";

export interface Pipeline {
  registry: Registry;
  gate: Gate;
  admission: Admission;
  run: Run;
  settings: SettingsStore;
  log: Log;
  status: Pick<ServerStatus, "willStop">;
  /** Counts a request for `info` and the metrics. */
  count(entry: string, ok: boolean, milliseconds: number): void;
}

/** Makes the function in which every transport ends: transport → decode → resolve → admit → validate → run → encode. */
export function makeHandle(pipeline: Pipeline): Handle {
  const { settings, log } = pipeline;
  return (incoming) => {
    const started = performance.now();
    let request: ApiRequest | undefined;
    const end = (answer: Answer): EncodedAnswer | Promise<EncodedAnswer> => {
      if (answer.content !== undefined && request !== undefined)
        return withContent(answer.content, request, settings.current).then(end, fail);
      note(pipeline, { incoming, request, answer, started });
      return encode(answer, request ?? { ...formatOf(incoming), entry: "", peer: incoming.peer }, settings.current);
    };
    const fail = (cause: unknown): EncodedAnswer | Promise<EncodedAnswer> =>
      end(failure(cause, incoming, request, log));
    let answer: Answer | Promise<Answer>;
    try {
      answer = andThen(decoded(incoming, pipeline), (it) => {
        request = it;
        return pipeline.gate.pass(() => answerTo(it, pipeline));
      });
    } catch (cause) {
      return fail(cause);
    }
    return answer instanceof Promise ? answer.then(end, fail) : end(answer);
  };
}

/** A request that can't be read counts against its address all the same. Errors: ApiError, as a rejection. */
function decoded(incoming: Incoming, { settings, admission }: Pipeline): ApiRequest | Promise<ApiRequest> {
  const turnAway = (cause: unknown) => turnedAway(cause, incoming.peer, admission);
  try {
    const request = decode(incoming, settings.current);
    return request instanceof Promise ? request.catch(turnAway) : request;
  } catch (cause) {
    return turnAway(cause);
  }
}

async function turnedAway(refusal: unknown, peer: Peer, admission: Admission): Promise<never> {
  await admission.arrive(peer);
  throw refusal;
}

function answerTo(request: ApiRequest, pipeline: Pipeline): Answer | Promise<Answer> {
  const { registry, admission } = pipeline;
  const entry = registry.current.entries.get(request.entry);
  const refusal = refusalOf(entry, request.entry, pipeline);
  if (entry === undefined || refusal !== undefined) return turnedAway(refusal, request.peer, admission);
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

/** For the figures, and where it is wanted for the log. */
function note({ registry, log, count }: Pipeline, { incoming, request, answer, started }: Course): void {
  const ms = performance.now() - started;
  const entry = registry.current.entries.get(request?.entry ?? "")?.name ?? "unknown";
  count(entry, answer.ok, ms);
  if (!log.isLevelEnabled("debug")) return;
  const { address: peer, transport } = incoming.peer;
  log.debug({ event: "request", id: request?.id, entry, ok: answer.ok, peer, transport, ms });
}

/**
 * On the console a lone parameter takes the rest of the line, commas and all: `db,select a, b from x`. A text that falls
 * apart at its commas is refused elsewhere, or a part of it would be sent. Errors: ApiError "wrong parameter".
 */
function positionalOf({ positional, rest }: ApiRequest, { name, params, open }: Entry): readonly string[] {
  if (rest === undefined || open) return positional;
  const places = params.filter(({ position }) => position >= 0).length;
  const sent = positional.findLastIndex((value) => value !== "") + 1;
  if (sent <= places) return positional;
  if (places === 1) return [rest];
  throw new ApiError(
    "wrong parameter",
    `${name} takes ${places === 0 ? "no" : `at most ${places}`} values; one with a comma in it stands in double quotes`,
  );
}

/** Why an entry can't be called by anybody now; undefined where it can. */
function refusalOf(entry: Entry | undefined, name: string, { registry, status }: Pipeline): ApiError | undefined {
  if (entry === undefined)
    return new ApiError("unknown entry", `${printable(name)} is not an entry; help lists those that there are`);
  if (registry.behind && entry.name !== "apireload")
    return new ApiError("not available", "the definitions are being renewed; try again in a few seconds");
  if (status.willStop && entry.access.user > SUPPORT)
    return new ApiError(
      "not available",
      "draining: this server takes no new requests; send them to another one, or later",
    );
  switch (entry.closed) {
    case "faulty":
      return new ApiError("not available", `the definition of ${entry.name} is faulty; apireload tells why`);
    case "disabled":
      return new ApiError("not available", `${entry.name} is switched off`);
    default:
      return undefined;
  }
}

/** `req_user`: up to here an entry is for those who run the server. */
const SUPPORT = 10;

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
