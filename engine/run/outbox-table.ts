/** The rows of tb_outbox: stored with the change that caused them, claimed by one worker at a time, removed when done. */
import { randomUUID } from "node:crypto";
import type { OutboxItem } from "../contracts.js";
import type { BoundValue, Database, QueryResult, Statement } from "../database/database.js";
import { toDatetime } from "../datetime.js";
import { harmless } from "../errors.js";

/** An item as the table has it; `body` is JSON. */
export interface StoredItem {
  id: number;
  kind: string;
  lane: string | null;
  body: string;
  entry: string;
  userid: number;
  /** Tries so far. */
  tries: number;
}

/** One that is this worker's for a while; `tries` counts the one that begins. */
export interface ClaimedItem extends StoredItem {
  /** Differs with each claim, so that whoever comes too late changes nothing. */
  claim: string;
}

const BATCH = 50;
const KEPT_SECONDS = 30 * 86_400;
/** A newer server of the database may know the kind. */
const UNKNOWN_SECONDS = 3_600;

const now = (laterSeconds = 0): string => toDatetime(Date.now() + laterSeconds * 1_000);
const marks = (list: readonly unknown[]): string => list.map(() => "?").join(", ");
const ids = (items: readonly StoredItem[]): number[] => items.map(({ id }) => id);

/** Stores an item: run it in the transaction of the change that caused the item. */
export const outboxStatement = ({ kind, lane, body, entry, userId, after }: OutboxItem): Statement => ({
  text: "insert into tb_outbox (kind, lane, body, state, tries, nexttry, entry, userid, datum) values (?, ?, ?, 'waiting', 0, ?, ?, ?, ?)",
  values: [kind, lane ?? null, JSON.stringify(body), now(after), entry, userId, now()],
});

/** One worker's view of the table. */
export class OutboxTable {
  readonly #worker = randomUUID();
  readonly #database: Database;
  #claims = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  async counts(): Promise<{ waiting: number; failed: number }> {
    const { rows } = await this.#run(
      "select state, count(*) as items from tb_outbox where state in ('waiting', 'taken', 'failed') group by state",
    );
    const of = (state: string) => Number(rows.find((row) => row["state"] === state)?.["items"] ?? 0);
    return { waiting: of("waiting") + of("taken"), failed: of("failed") };
  }

  /**
   * Items of these kinds whose time has come, for each kind those that have waited longest. Of a kind's lane none comes whose
   * turn it isn't: an earlier one is claimed, or rests until its next try. Each part walks the index of kind, state and
   * time and ends early, so that thousands of items that wait cost nothing.
   */
  async due(kinds: readonly string[]): Promise<StoredItem[]> {
    if (kinds.length === 0) return [];
    const part = `select * from (select id, kind, lane, body, entry, userid, tries from tb_outbox o
      where kind = ? and state = 'waiting' and nexttry <= ? and (lane is null or not exists
        (select 1 from tb_outbox e where e.lane = o.lane and e.kind = o.kind and e.id < o.id
          and ((e.state = 'waiting' and e.nexttry > ?) or e.state = 'taken')))
      order by nexttry, id limit ${BATCH}) p`;
    const { rows } = await this.#run(
      kinds.map(() => part).join(" union all "),
      kinds.flatMap((kind) => [kind, now(), now()]),
    );
    return rows as unknown as StoredItem[];
  }

  /** The first items of a lane, in their order, as far as their time has come. */
  async row(kind: string, lane: string): Promise<StoredItem[]> {
    const { rows } = await this.#run(
      `select id, kind, lane, body, entry, userid, tries, state, nexttry from tb_outbox
        where lane = ? and kind = ? and state in ('waiting', 'taken') order by id limit ${BATCH}`,
      [lane, kind],
    );
    const end = rows.findIndex((row) => row["state"] !== "waiting" || String(row["nexttry"]) > now());
    return (end < 0 ? rows : rows.slice(0, end)) as unknown as StoredItem[];
  }

  /** Lets items wait again that a worker that died had claimed; gives up what has been of no known kind for an hour. */
  async recover(kinds: readonly string[]): Promise<void> {
    await this.#change(
      "update tb_outbox set state = 'waiting', nexttry = ? where state = 'taken' and claimeduntil < ?",
      [now(), now()],
    );
    await this.#change(
      `update tb_outbox set state = 'failed', lasterror = 'this version carries out nothing of this kind'
        where state = 'waiting' and datum < ? and kind not in (${marks(kinds)})`,
      [now(-UNKNOWN_SECONDS), ...kinds],
    );
  }

  /** Those of the items that are this worker's now, for so many seconds; the others were claimed by another meanwhile. */
  async claim(items: readonly StoredItem[], seconds: number, claim = this.#newClaim()): Promise<ClaimedItem[]> {
    if (items.length === 0) return [];
    const { changed } = await this.#change(
      `update tb_outbox set state = 'taken', claimedby = ?, claimeduntil = ?, tries = tries + 1
        where id in (${marks(items)}) and state = 'waiting' and nexttry <= ?`,
      [claim, now(seconds), ...ids(items), now()],
    );
    const claimed = changed === items.length ? items : await this.#ofClaim(items, claim, changed);
    return claimed.map((item) => ({ ...item, tries: item.tries + 1, claim }));
  }

  /** True when all of the items, of one claim, are this worker's for so many seconds more. */
  async renew(items: readonly ClaimedItem[], seconds: number): Promise<boolean> {
    const { changed } = await this.#change(
      `update tb_outbox set claimeduntil = ? where id in (${marks(items)}) and state = 'taken' and claimedby = ?`,
      [now(seconds), ...ids(items), items[0]?.claim ?? ""],
    );
    return changed === items.length;
  }

  /** Gives items of one claim back that were not begun. */
  async release(items: readonly ClaimedItem[]): Promise<void> {
    if (items.length === 0) return;
    await this.#change(
      `update tb_outbox set state = 'waiting', tries = tries - 1 where id in (${marks(items)}) and state = 'taken' and claimedby = ?`,
      [...ids(items), items[0]?.claim ?? ""],
    );
  }

  /** Removes a claimed item: run it in the transaction of the item's own change. It changes no row when the claim was lost. */
  removal({ id, claim }: ClaimedItem): Statement {
    return { text: "delete from tb_outbox where id = ? and claimedby = ?", values: [id, claim] };
  }

  /** In place of the removal: the item stays as `done`, with what came of it. */
  completion({ id, claim }: ClaimedItem, outcome: string): Statement {
    return {
      text: "update tb_outbox set state = 'done', lasterror = ? where id = ? and claimedby = ?",
      values: [harmless(outcome), id, claim],
    };
  }

  /** Puts a claimed item back until its next try, or marks it as failed. It changes no row when the claim was lost. */
  setback({ id, claim }: ClaimedItem, state: "waiting" | "failed", reason: string, pauseSeconds: number): Statement {
    return {
      text: "update tb_outbox set state = ?, nexttry = ?, lasterror = ? where id = ? and claimedby = ?",
      values: [state, now(pauseSeconds), harmless(reason).slice(0, 500), id, claim],
    };
  }

  #newClaim(): string {
    this.#claims += 1;
    return `${this.#worker}:${this.#claims}`;
  }

  async failedKinds(): Promise<string[]> {
    const { rows } = await this.#run("select distinct kind from tb_outbox where state = 'failed'");
    return rows.map((row) => String(row["kind"]));
  }

  /** Answers how many failed items wait again. */
  async retry(which: number | "all", exceptKinds: readonly string[]): Promise<number> {
    const one = which === "all" ? "" : "and id = ?";
    const except = exceptKinds.length === 0 ? "" : `and kind not in (${marks(exceptKinds)})`;
    const { changed } = await this.#change(
      `update tb_outbox set state = 'waiting', tries = 0, nexttry = ? where state = 'failed' ${one} ${except}`,
      [now(), ...(which === "all" ? [] : [which]), ...exceptKinds],
    );
    return changed;
  }

  async hasten(kind: string): Promise<number> {
    const { changed } = await this.#change(
      "update tb_outbox set nexttry = case when nexttry > ? then ? else nexttry end where state = 'waiting' and kind = ?",
      [now(), now(), kind],
    );
    return changed;
  }

  /** Deletes what was kept of items that were done a month ago. */
  async purge(): Promise<void> {
    await this.#change("delete from tb_outbox where state = 'done' and datum < ?", [now(-KEPT_SECONDS)]);
  }

  async #ofClaim(items: readonly StoredItem[], claim: string, changed: number): Promise<StoredItem[]> {
    if (changed === 0) return [];
    const { rows } = await this.#run(`select id from tb_outbox where id in (${marks(items)}) and claimedby = ?`, [
      ...ids(items),
      claim,
    ]);
    const own = new Set(rows.map((row) => Number(row["id"])));
    return items.filter(({ id }) => own.has(Number(id)));
  }

  #run(text: string, values: readonly BoundValue[] = []): Promise<QueryResult> {
    return this.#database.run({ text, values });
  }

  /** In a transaction, which tries a deadlock with another worker again. */
  #change(text: string, values: readonly BoundValue[]): Promise<QueryResult> {
    return this.#database.transaction((session) => session.run({ text, values }));
  }
}
