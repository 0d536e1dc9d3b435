/** Counters of failures that all servers of a database share: counted here at once, exchanged by each refresh. */
import { type Database, DatabaseError } from "../database/database.js";
import { fromDatetime, toDatetime } from "../datetime.js";

export interface CounterRule {
  /** So many points close the name. */
  limit: number;
  /** Seconds after the first point in which the others count. */
  window: number;
  /** Seconds for which the name is closed; the rest of the window where absent. */
  pause?: number;
}

interface Counter {
  points: number;
  /** Milliseconds since 1970. */
  expires: number;
  /** Points that the database doesn't have yet. */
  unsent: number;
}

const MOST = 50_000;
const READ = 10_000;
const SECOND = 1_000;

export class Counters {
  readonly #database: Database;
  #counters = new Map<string, Counter>();

  constructor(database: Database) {
    this.#database = database;
  }

  get size(): number {
    return this.#counters.size;
  }

  /** Seconds for which the name stays closed; 0 when it is open. */
  closedFor(name: string, limit: number, now: number): number {
    const counter = this.#counters.get(name);
    if (counter === undefined || counter.points < limit || counter.expires <= now) return 0;
    return Math.ceil((counter.expires - now) / SECOND);
  }

  /** Adds a point; answers how many there are now. */
  count(name: string, rule: CounterRule, now: number): number {
    let counter = this.#counters.get(name);
    if (counter === undefined || counter.expires <= now) {
      this.#makeRoom(now);
      counter = { points: 0, expires: now + rule.window * SECOND, unsent: 0 };
      this.#counters.set(name, counter);
    }
    counter.points += 1;
    counter.unsent += 1;
    if (counter.points === rule.limit && rule.pause !== undefined) counter.expires = now + rule.pause * SECOND;
    return counter.points;
  }

  /** Sends what was counted here, and takes what others counted. Errors: DatabaseError; nothing is lost by one. */
  async refresh(now: number): Promise<void> {
    for (const [name, counter] of this.#counters) if (counter.unsent > 0) await this.#send(name, counter, now);
    const { rows } = await this.#database.run({
      text: `select name, points, expires from tb_throttle where expires > ? order by expires desc limit ${READ}`,
      values: [toDatetime(now)],
    });
    const before = this.#counters;
    this.#counters = new Map();
    for (const row of rows) {
      const name = String(row["name"]);
      const unsent = before.get(name)?.unsent ?? 0;
      const points = Number(row["points"]) + unsent;
      this.#counters.set(name, { points, expires: fromDatetime(String(row["expires"])), unsent });
    }
    for (const [name, counter] of before)
      if (counter.unsent > 0 && !this.#counters.has(name)) this.#counters.set(name, counter);
  }

  /** Deletes the counters that are over. */
  async purge(now: number): Promise<void> {
    await this.#database.run({ text: "delete from tb_throttle where expires <= ?", values: [toDatetime(now)] });
  }

  async #send(name: string, counter: Counter, now: number): Promise<void> {
    const { unsent } = counter;
    const expires = toDatetime(counter.expires + SECOND - 1);
    if (!(await this.#add(name, unsent, expires, now))) await this.#insert(name, unsent, expires, now);
    counter.unsent -= unsent;
  }

  /** False when there is no counter of that name in its window. */
  async #add(name: string, points: number, expires: string, now: number): Promise<boolean> {
    const { changed } = await this.#database.run({
      text: "update tb_throttle set points = points + ?, expires = case when expires < ? then ? else expires end where name = ? and expires > ?",
      values: [points, expires, expires, name, toDatetime(now)],
    });
    return changed > 0;
  }

  async #insert(name: string, points: number, expires: string, now: number): Promise<void> {
    await this.#database.run({
      text: "delete from tb_throttle where name = ? and expires <= ?",
      values: [name, toDatetime(now)],
    });
    try {
      await this.#database.run({
        text: "insert into tb_throttle (name, points, expires) values (?, ?, ?)",
        values: [name, points, expires],
      });
    } catch (cause) {
      if (!(cause instanceof DatabaseError) || cause.kind !== "duplicate") throw cause;
      await this.#add(name, points, expires, now); // another server was first
    }
  }

  /** Names are what callers sent, so their number is bounded: the oldest give way. */
  #makeRoom(now: number): void {
    if (this.#counters.size < MOST) return;
    for (const [name, counter] of this.#counters) if (counter.expires <= now) this.#counters.delete(name);
    for (const name of this.#counters.keys()) {
      if (this.#counters.size < MOST) return;
      this.#counters.delete(name);
    }
  }
}
