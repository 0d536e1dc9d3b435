/** The record of changes: who did what, when, and from where. Written in the transaction of the change. */
import type { Statement } from "../database/database.js";
import { toDatetime } from "../datetime.js";
import type { Entry } from "../registry/entry.js";
import type { ApiRequest, Caller } from "../request.js";
import { type Token, tokenise } from "../template/tokens.js";

interface Deed {
  entry: Pick<Entry, "name">;
  caller: Caller;
  request: Pick<ApiRequest, "peer">;
}

/** `text` is `what: detail`; undefined where it is blank, as of a request that changed nothing. */
export function auditStatement({ entry, caller, request }: Deed, text: string): Statement | undefined {
  const [, what = "", detail = ""] = /^(.*?):\s*(.*)$/s.exec(text.trim()) ?? [];
  if (what === "") return undefined;
  const { id, username } = caller.actingFor ?? caller;
  const told = caller.actingFor === undefined || detail.includes(caller.username);
  const whole = told ? detail : `${detail} (for ${caller.username})`;
  return {
    text: "insert into tb_audit (datum, userid, username, address, entry, what, detail) values (?, ?, ?, ?, ?, ?, ?)",
    values: [toDatetime(Date.now()), id, username.slice(0, 128), request.peer.address, entry.name, what, whole],
  };
}

const SUBJECTS: Readonly<Record<string, string>> = {
  tb_settings: "settings",
  tb_api: "definitions",
  tb_scheduledtasks: "tasks",
  tb_prepaidcodes: "credits",
  tb_users: "users",
};

/** What a change is one of, by the name of its table or by its statement. */
export function subjectOf(text: string): string {
  const words = new Set(text.toLowerCase().match(/\w+/g));
  const table = Object.keys(SUBJECTS).find((name) => words.has(name));
  return (table && SUBJECTS[table]) ?? "data";
}

/** A statement whose texts and numbers are masked: they may be secrets. The statement must be one that can be read. */
export const withoutLiterals = (sql: string): string => tokenise(sql).map(masked).join("").replace(/\s+/g, " ").trim();

/** What the statement of a row of tb_api changed; undefined where that is data that the record does not follow. */
export function changeStatement(deed: Deed, sql: string): Statement | undefined {
  const subject = subjectOf(sql);
  return subject === "data" ? undefined : auditStatement(deed, `${subject}: changed by the statement of this entry`);
}

const masked = ({ kind, text }: Token): string =>
  kind === "string" ? "'...'" : kind === "number" ? "?" : kind === "comment" ? " " : text;
