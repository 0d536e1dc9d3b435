/** The rows of tb_outbox: stored with the change that caused them, claimed by one worker at a time, removed when done. */
import { randomUUID } from "node:crypto";
import type { OutboxItem } from "../contracts.js";
import type { Database, QueryResult, Statement } from "../database/database.js";
import { toDatetime } from "../datetime.js";

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

const BATCH = 50;

const now = (laterSeconds = 0): string => toDatetime(Date.now() + laterSeconds * 1_000);

/** Stores an item: run it in the transaction of the change that caused the item. */
export const outboxStatement = ({ kind, lane, body, entry, userId, after }: OutboxItem): Statement => ({
  text: "insert into tb_outbox (kind, lane, body, state, tries, nexttry, entry, userid, datum) values (?, ?, ?, 'waiting', 0, ?, ?, ?, ?)",
  values: [kind, lane ?? null, JSON.stringify(body), now(after), entry, userId, now()],
});

/** One worker's view of the table. */
export class OutboxTable {
  readonly #worker = randomUUID();
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async counts(): Promise<{ waiting: number; failed: number }> {
    const { rows } = await this.#run(
      "select sum(case when state <> 'failed' then 1 else 0 end) as waiting, sum(case when state = 'failed' then 1 else 0 end) as failed from tb_outbox where state <> 'done'",
    );
    return { waiting: Number(rows[0]?.["waiting"] ?? 0), failed: Number(rows[0]?.["failed"] ?? 0) };
  }

  /**
   * Items whose time has come, in their order; those of a worker that died are among them. Of a lane none comes whose
   * turn it isn't: an earlier one is claimed, or rests until its next try.
   */
  async due(): Promise<StoredItem[]> {
    const { rows } = await this.#run(
      `select o.id as id, o.kind as kind, o.lane as lane, o.body as body, o.entry as entry, o.userid as userid, o.tries as tries
        from tb_outbox o
        where ((o.state = 'waiting' and o.nexttry <= ?) or (o.state = 'taken' and o.claimeduntil < ?))
        and (o.lane is null or not exists
          (select 1 from tb_outbox e where e.lane = o.lane and e.id < o.id
            and ((e.state = 'waiting' and e.nexttry > ?) or (e.state = 'taken' and e.claimeduntil >= ?))))
        order by o.id limit ${BATCH}`,
      [now(), now(), now(), now()],
    );
    return rows as unknown as StoredItem[];
  }

  /** True when the item is this worker's for so many seconds; false when another was faster. */
  async claim({ id, tries }: StoredItem, seconds: number): Promise<boolean> {
    const { changed } = await this.#run(
      "update tb_outbox set state = 'taken', claimedby = ?, claimeduntil = ?, tries = ? where id = ? and tries = ? and (state = 'waiting' or claimeduntil < ?)",
      [this.#worker, now(seconds), tries + 1, id, tries, now()],
    );
    return changed === 1;
  }

  /** Removes a claimed item: run it in the transaction of the item's own change. It changes no row when the claim was lost. */
  removal({ id }: StoredItem): Statement {
    return { text: "delete from tb_outbox where id = ? and claimedby = ?", values: [id, this.#worker] };
  }

  /** Puts a claimed item back until its next try, or marks it as failed. It changes no row when the claim was lost. */
  setback({ id }: StoredItem, state: "waiting" | "failed", reason: string, pauseSeconds: number): Statement {
    return {
      text: "update tb_outbox set state = ?, nexttry = ?, lasterror = ? where id = ? and claimedby = ?",
      values: [state, now(pauseSeconds), reason.slice(0, 500), id, this.#worker],
    };
  }

  #run(text: string, values: Statement["values"] = []): Promise<QueryResult> {
    return this.#database.run({ text, values });
  }
}
