/** Runs an entry: its steps in their order, in one transaction where it says so, with its hooks stored beside the change. */
import type { Action, ActionContext, Operation, Services } from "../contracts.js";
import {
  DatabaseError,
  type DatabaseErrorKind,
  noResult,
  type QueryResult,
  type Session,
  type Statement,
} from "../database/database.js";
import { derived } from "../derived.js";
import { ApiError, type ErrorClass } from "../errors.js";
import type { CallStep, Entry, Params, RunScope, SqlStep, Step, StepResult } from "../registry/entry.js";
import type { Answer, ApiRequest, Caller, Cell, RelayTarget } from "../request.js";
import { shownSettings } from "../settings.js";
import { auditStatement, changeStatement } from "./audit.js";
import { bindTemplate } from "./bind.js";
import { deferredChange, hookItems } from "./hooks.js";
import { keepAnswer, once } from "./once.js";
import { outboxStatement } from "./outbox-table.js";

/** Errors: ApiError; anything else is a fault of the server. */
export type Run = (entry: Entry, params: Params, caller: Caller, request: ApiRequest) => Answer | Promise<Answer>;

/** `ledger.transfer` → its operation. */
export const operationsOf = (actions: Iterable<Action>): Map<string, Operation> =>
  new Map(
    [...actions].flatMap(({ name, operations }) =>
      Object.entries(operations).map(([operation, it]) => [`${name}.${operation}`, it] as const),
    ),
  );

interface Work {
  entry: Entry;
  caller: Caller;
  request: ApiRequest;
  scope: RunScope;
  services: Services;
  operations: ReadonlyMap<string, Operation>;
  /** Results that are there before the first step: the settings. */
  given: RunScope["steps"];
  close: boolean;
  relay?: RelayTarget;
  /** Something for the outbox's worker was stored. */
  stored: boolean;
  /** What is waited for once all is committed, with the result that it completes. */
  afterwards: { result: StepResult; wait: () => Promise<Readonly<Record<string, Cell>>> }[];
}

/** Makes the runner of one server. */
export function makeRun(services: Services, operations: ReadonlyMap<string, Operation>): Run {
  const given = derived(services.settings, services.log, (settings) => ({ setting: shownSettings(settings) }));
  return (entry, params, caller, request) => {
    const scope: RunScope = {
      params,
      loose: looseOf(entry, request),
      caller,
      steps: entry.steps.length === 0 ? given() : Object.create(given()),
    };
    const work: Work = {
      entry,
      caller,
      request,
      scope,
      services,
      operations,
      given: given(),
      close: false,
      stored: false,
      afterwards: [],
    };
    if (entry.account && caller.id === 0) throw withoutAccount(caller);
    return entry.steps.length === 0 && entry.hooks.length === 0 ? answerOf(work) : carryOut(work);
  };
}

async function carryOut(work: Work): Promise<Answer> {
  let answer: Answer;
  try {
    answer = await perform(work);
    if (work.entry.hooks.length > 0 || work.scope.deferred || work.stored) work.services.outbox.wake();
  } catch (cause) {
    await storeFailureHooks(work).catch((err: unknown) =>
      work.services.log.warn(
        { event: "outbox", entry: work.entry.name, err },
        "what a failure asks for can't be stored",
      ),
    );
    throw spoken(cause, work);
  }
  return work.afterwards.length === 0 ? answer : completed(work);
}

/** The answer after what is waited for; all is committed, so that a failure is an answer like another. */
async function completed(work: Work): Promise<Answer> {
  let answer: Answer;
  try {
    for (const { result, wait } of work.afterwards) Object.assign(result, await wait());
    answer = answerOf(work);
  } catch (cause) {
    if (!(cause instanceof ApiError)) throw cause;
    answer = { ok: false, text: cause.text };
  }
  if (work.entry.idempotent) await keepAnswer(work.services.database, work, answer);
  return answer;
}

const looseOf = (entry: Entry, { params }: ApiRequest): RunScope["loose"] =>
  entry.open ? new Map([...params].filter(([name]) => !isLogin(name))) : NOTHING;
const isLogin = (name: string) => name.startsWith("auth") || name === "nonce";
const NOTHING: ReadonlyMap<string, string | null> = new Map();

/** An entry that is about an account was called by nobody, or by a trusted address that is nobody in particular. */
const withoutAccount = ({ kind }: Caller): ApiError =>
  kind === "public"
    ? new ApiError("auth failed", "wrong user or password")
    : new ApiError("wrong parameter", "targetuser is missing: it tells whose account is meant");

/** A transaction where the entry wants one, or where a hook has to be stored with its change. */
function perform(work: Work): Promise<Answer> {
  const { entry, services } = work;
  if (!entry.transaction) return perStep(work, services.database);
  return services.database.transaction(async (session) => {
    work.scope.steps = Object.create(work.given);
    work.afterwards = [];
    if (!entry.idempotent) return perStep(work, session);
    return once(session, work, () => perStep(work, session));
  });
}

async function perStep(work: Work, session: Session): Promise<Answer> {
  let stored = false;
  for (const step of work.entry.steps) {
    if (step.when !== undefined && !step.when(work.scope)) continue;
    const together = step.kind === "sql" && step.foreign && step.template.verb !== "select";
    const result = together ? await changeWithHooks(step, work) : await stepResult(step, work, session);
    stored ||= together;
    if (step.as !== undefined) work.scope.steps[step.as] = result;
  }
  const answer = answerOf(work);
  if (!stored) for (const statement of successHooks(work)) await session.run(statement);
  const audit = work.entry.audit && auditStatement(work, work.entry.audit(work.scope));
  if (audit !== undefined) await session.run(audit);
  return answer;
}

/** An administrator's change, its record and the hooks of its success, in one transaction. */
async function changeWithHooks(step: SqlStep, work: Work): Promise<StepResult> {
  const { database } = work.services;
  const statement = bindTemplate(step.template, work.scope);
  const record = changeStatement(work, statement.text);
  const beside = [...(record ? [record] : []), ...successHooks(work)];
  if (step.deferred) {
    await database.transaction(async (session) => {
      for (const stored of [outboxStatement(deferredChange(work.entry, work.caller, statement)), ...beside])
        await session.run(stored);
    });
    work.scope.deferred = true;
    return resultOf(noResult());
  }
  try {
    const done = await database.runForeign(statement, {
      andThen: beside,
      maxRows: work.services.settings.current.maxrows,
    });
    return resultOf(done);
  } catch (cause) {
    throw ownWords(cause, step, work);
  }
}

const successHooks = ({ entry, caller, scope }: Work): Statement[] =>
  hookItems("success", entry, caller, scope).map(outboxStatement);

async function stepResult(step: Step, work: Work, session: Session): Promise<StepResult> {
  if (step.kind === "refuse") throw otherwiseOf(step, work);
  try {
    const result = step.kind === "sql" ? await runSql(step, work, session) : await runCall(step, work, session);
    if (step.kind === "sql" && !isExpected(step, result)) throw otherwiseOf(step, work) ?? unexpected(step);
    return result;
  } catch (cause) {
    throw ownWords(cause, step, work);
  }
}

async function runSql(step: SqlStep, work: Work, session: Session): Promise<StepResult> {
  const most = typeof step.most === "string" ? Number(work.scope.params[step.most]) : step.most;
  const statement = bindTemplate(step.template, withOneMore(step, work.scope));
  const { database, settings } = work.services;
  if (step.foreign) return resultOf(await database.runForeign(statement, { maxRows: settings.current.maxrows }));
  return resultOf(await session.run(statement, most === undefined ? {} : { maxRows: most }));
}

/** `most`: one row more is looked for, so that the answer can tell of it. */
function withOneMore({ most }: SqlStep, scope: RunScope): RunScope {
  if (typeof most !== "string") return scope;
  return { ...scope, params: { ...scope.params, [most]: Number(scope.params[most]) + 1 } };
}

/** The first row's fields lie beside the counts, so that `{step.field}` finds them. */
const resultOf = (result: QueryResult): StepResult =>
  Object.assign(Object.create(null) as StepResult, result.rows[0], result);

async function runCall(step: CallStep, work: Work, session: Session): Promise<StepResult> {
  const operation = work.operations.get(step.action);
  if (operation === undefined) throw new Error(`no action ${step.action}`);
  const input = Object.fromEntries(Object.entries(step.input).map(([name, value]) => [name, value(work.scope)]));
  const { services, caller, request, entry, scope } = work;
  const store: ActionContext["store"] = async (item) => {
    await services.outbox.put(session, { ...item, entry: entry.name, userId: caller.id });
    work.stored = true;
  };
  const waits: Work["afterwards"][number]["wait"][] = [];
  const afterwards: ActionContext["afterwards"] = (wait) => void waits.push(wait);
  const context = { session, services, caller, request, entry, params: scope.params, store, afterwards };
  const done = await operation.run(input, context);
  work.close ||= done.close === true;
  if (done.relay !== undefined) work.relay = done.relay;
  const result: StepResult = Object.assign(Object.create(null) as StepResult, noResult(), done);
  work.afterwards.push(...waits.map((wait) => ({ result, wait })));
  return result;
}

function isExpected({ expect, template }: SqlStep, result: StepResult): boolean {
  if (expect === undefined) return true;
  const count = template.verb === "select" ? result.rows.length : result.changed;
  return expect.rows === "one" ? count === 1 : expect.rows === "some" ? count > 0 : count === 0;
}

const unexpected = (step: SqlStep) =>
  new ApiError("failed", `step in line ${step.line} found something else than it expects`);

function otherwiseOf(step: Step, work: Work): ApiError | undefined {
  if (step.otherwise === undefined) return undefined;
  return new ApiError(step.otherwise.errorClass, step.otherwise.detail(work.scope));
}

/** What a caller is told of a database's refusal, by its kind; the other kinds are faults of the entry or of the server. */
const REFUSALS: Readonly<Partial<Record<DatabaseErrorKind, readonly [ErrorClass, string]>>> = {
  duplicate: ["conflict", "a row with this value is there already"],
  constraint: ["conflict", "a rule of the database forbids this change"],
  value: ["wrong parameter", "a value does not fit its column"],
  timeout: ["failed", "the database took too long; the statement was ended"],
  conflict: ["not available", "others changed the same data; try again"],
};
const FAULTY_STATEMENT = ["failed", "the statement of this entry failed"] as const;

/** The step's own words for a value that is taken. Other refusals stay as they are, as a transaction tries conflicts again. */
const ownWords = (cause: unknown, step: Step, work: Work): unknown =>
  (cause instanceof DatabaseError && cause.kind === "duplicate" ? otherwiseOf(step, work) : undefined) ?? cause;

/** A database's refusal in words for the caller. */
function spoken(cause: unknown, { entry }: Work): unknown {
  if (!(cause instanceof DatabaseError)) return cause;
  const words = REFUSALS[cause.kind] ?? (entry.open ? FAULTY_STATEMENT : undefined);
  return words === undefined ? cause : new ApiError(...words, { cause });
}

async function storeFailureHooks({ entry, caller, scope, services }: Work): Promise<void> {
  const items = hookItems("failure", entry, caller, scope);
  if (items.length === 0) return;
  await services.database.transaction(async (session) => {
    for (const item of items) await session.run(outboxStatement(item));
  });
  services.outbox.wake();
}

function answerOf({ entry, scope, close, relay }: Work): Answer {
  const shown = entry.rows?.(scope);
  const answer: Answer = { ok: true, text: entry.answer(scope) };
  if (shown !== undefined) Object.assign(answer, shown);
  const content = entry.content?.(scope);
  if (content !== undefined) answer.content = content;
  if (entry.bare) answer.bare = true;
  if (entry.prose) answer.prose = true;
  if (close) answer.close = true;
  if (relay !== undefined) answer.relay = relay;
  return answer;
}
