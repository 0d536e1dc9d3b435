/** One request from its first stage to its last; the only place where an error becomes an answer. */
import type { Admission } from "./admit/admit.js";
import { withContent } from "./content.js";
import type { Handle, Incoming, Registry } from "./contracts.js";
import { decode, formatOf } from "./decode.js";
import { encode } from "./encode.js";
import { ApiError, toApiError } from "./errors.js";
import type { Log } from "./log.js";
import type { Entry } from "./registry/entry.js";
import type { Answer, ApiRequest } from "./request.js";
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
  return async (incoming) => {
    const started = log.isLevelEnabled("debug") ? performance.now() : undefined;
    let request: ApiRequest | undefined;
    let answer: Answer;
    try {
      request = await decode(incoming, settings.current);
      answer = await answerTo(request, pipeline);
      if (answer.content !== undefined) answer = await withContent(answer.content, request, settings.current);
    } catch (cause) {
      answer = failure(cause, incoming, request, log);
    }
    pipeline.count(answer.ok);
    if (started !== undefined) {
      const { entry, id } = request ?? { entry: "", id: "" };
      log.debug({
        event: "request",
        id,
        entry,
        ok: answer.ok,
        peer: incoming.peer.address,
        transport: incoming.peer.transport,
        generation: pipeline.registry.current.generation,
        ms: performance.now() - started,
      });
    }
    const wanted = request ?? { ...formatOf(incoming), entry: "" };
    return encode(answer, { ...wanted, peer: incoming.peer }, settings.current);
  };
}

async function answerTo(request: ApiRequest, pipeline: Pipeline): Promise<Answer> {
  const { registry, admission } = pipeline;
  const entry = resolve(registry, request.entry);
  const caller = await admission.admit(request, entry);
  try {
    const params = entry.validate(request.params, positionalOf(request, entry));
    return await pipeline.run(entry, params, caller, request);
  } catch (cause) {
    admission.failed(request, entry, caller);
    throw cause;
  }
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
