/** The price list in memory: a map of prefixes for each owner and kind, replaced whole when the tables change. */
import { serialize } from "node:v8";
import { Mutex } from "async-mutex";
import type { Rate, RateTable, RateTableSize } from "./contracts.js";
import { cellText } from "./database/cells.js";
import type { Database, Dialect } from "./database/database.js";
import type { Row } from "./request.js";
import { makeSlices } from "./slices.js";

type Kind = "call" | "sms";
interface List {
  resellerId: number;
  kind: Kind;
  byPrefix: ReadonlyMap<string, Rate>;
  /** Digits of the longest prefix. */
  longest: number;
}
/** By `kind:resellerid`. */
type Lists = ReadonlyMap<string, List>;

interface Price {
  resellerId: number;
  kind: Kind;
  rate: Rate;
}

/** A row of a list that is switched off is left out; a row without a list belongs to the default list of calls. */
const READ_PRICES = `select e.id as id, e.prefix as prefix, e.name as name, e.price as price, e.currency as currency,
  e.billingstep as billingstep, e.minduration as minduration, e.connectfee as connectfee, e.freeafter as freeafter,
  s.id as list, s.resellerid as resellerid, s.kind as kind
  from tb_billentries e left join tb_billsources s on s.id = e.billsourceid
  where e.enabled = 1 and (e.billsourceid is null or e.billsourceid = 0 or s.enabled = 1)`;
const READ_ALL = `${READ_PRICES} order by e.id`;
const READ_OWNER = `${READ_PRICES} and coalesce(s.resellerid, 0) = ? order by e.id`;

/**
 * `changed` is kept by the database at each change of a row; the counts tell of rows that went. On MariaDB a change may be
 * committed after later ones, so that the latest time tells nothing of it.
 */
const LATEST: Readonly<Record<Dialect, string>> = { sqlite: "max(changed)", mariadb: "sum(unix_timestamp(changed))" };
const fingerprintOf = (dialect: Dialect): string =>
  `select (select count(*) from tb_billentries) as prices, (select ${LATEST[dialect]} from tb_billentries) as pricechange,
  (select count(*) from tb_billsources) as lists, (select ${LATEST[dialect]} from tb_billsources) as listchange,
  (select max(id) from tb_billentries) as lastprice`;

export class PrefixRates implements RateTable {
  readonly #database: Database;
  /** Held by whoever makes new lists. */
  readonly #lock = new Mutex();
  #lists: Lists = new Map();
  #seen = "";

  constructor(database: Database) {
    this.#database = database;
  }

  find(number: string, resellerId: number, kind: Kind): Rate | undefined {
    for (const list of this.#listsFor(resellerId, kind))
      for (const prefix of prefixesOf(number, list)) {
        const rate = list.byPrefix.get(prefix);
        if (rate !== undefined) return rate;
      }
    return undefined;
  }

  get count(): number {
    return countOf(this.#lists);
  }

  *all(): ReturnType<RateTable["all"]> {
    for (const { rate, ...list } of pricesOf(this.#lists)) yield { prefix: rate.prefix, ...list, rate };
  }

  matches(number: string, resellerId: number, kind: Kind): Rate[] {
    return this.#listsFor(resellerId, kind).flatMap((list) =>
      [...prefixesOf(number, list)].flatMap((prefix) => list.byPrefix.get(prefix) ?? []),
    );
  }

  /** The reseller's own list where there is one, then the default one. */
  #listsFor(resellerId: number, kind: Kind): List[] {
    const owners = resellerId === 0 ? [0] : [resellerId, 0];
    return owners.flatMap((owner) => this.#lists.get(`${kind}:${owner}`) ?? []);
  }

  /** Looks for itself, since a reading that has begun before may not have seen what the caller has just changed. */
  refresh(force = false): Promise<number> {
    return this.#lock.runExclusive(() => this.#read(force));
  }

  async #read(force: boolean): Promise<number> {
    const { rows } = await this.#database.run({ text: fingerprintOf(this.#database.dialect), values: [] });
    const fingerprint = JSON.stringify(rows[0]);
    if (force || fingerprint !== this.#seen) {
      const prices = await this.#database.run({ text: READ_ALL, values: [] });
      this.#lists = await listsOf(pricesIn(prices.rows));
      this.#seen = fingerprint;
    }
    return countOf(this.#lists);
  }

  reread(resellerId: number): Promise<{ dropped: number; read: number }> {
    return this.#lock.runExclusive(async () => {
      const { rows } = await this.#database.run({ text: READ_OWNER, values: [resellerId] });
      const fresh = await listsOf(pricesIn(rows));
      const kept = [...this.#lists].filter(([, list]) => list.resellerId !== resellerId);
      const dropped = countOf(this.#lists) - countOf(new Map(kept));
      this.#lists = new Map([...kept, ...fresh]);
      return { dropped, read: countOf(fresh) };
    });
  }

  reindex(): Promise<RateTableSize> {
    return this.#lock.runExclusive(async () => {
      this.#lists = await listsOf(pricesOf(this.#lists));
      return this.size();
    });
  }

  async size(): Promise<RateTableSize> {
    const lists = [...this.#lists.values()];
    const longest = Math.max(0, ...lists.map((list) => list.longest));
    const slice = makeSlices();
    let bytes = 0;
    for (const { rate } of pricesOf(this.#lists)) {
      await slice();
      bytes += serialize(rate).length;
    }
    return { prices: countOf(this.#lists), lists: lists.length, longest, bytes };
  }
}

/** The prefixes of a number that the list may have, the longest first. */
function* prefixesOf(number: string, { longest }: List): Generator<string> {
  for (let length = Math.min(number.length, longest); length > 0; length -= 1) yield number.slice(0, length);
}

const countOf = (lists: Lists): number => [...lists.values()].reduce((sum, { byPrefix }) => sum + byPrefix.size, 0);

const pricesOf = (lists: Lists): Price[] =>
  [...lists.values()].flatMap(({ resellerId, kind, byPrefix }) =>
    [...byPrefix.values()].map((rate) => ({ resellerId, kind, rate })),
  );

/** Of two prices of one prefix the later counts. */
async function listsOf(prices: Iterable<Price>): Promise<Lists> {
  const lists = new Map<string, List & { byPrefix: Map<string, Rate> }>();
  const slice = makeSlices();
  for (const { resellerId, kind, rate } of prices) {
    await slice();
    const owner = `${kind}:${resellerId}`;
    const list = lists.get(owner) ?? { resellerId, kind, byPrefix: new Map(), longest: 0 };
    lists.set(owner, list);
    list.byPrefix.set(rate.prefix, rate);
    list.longest = Math.max(list.longest, rate.prefix.length);
  }
  return lists;
}

function* pricesIn(rows: readonly Row[]): Generator<Price> {
  for (const row of rows) yield priceOf(row);
}

const priceOf = (row: Row): Price => ({
  resellerId: Number(row["resellerid"] ?? 0),
  kind: row["kind"] === "sms" ? "sms" : "call",
  rate: {
    id: Number(row["id"]),
    list: Number(row["list"] ?? 0),
    prefix: cellText(row["prefix"]).replace(/\D/g, ""),
    // Clients take the second word as the destination, so a name has to be one word.
    name: cellText(row["name"]).trim().replace(/\s+/g, "-"),
    price: cellText(row["price"]),
    currency: cellText(row["currency"]),
    billingStep: Number(row["billingstep"] ?? 1),
    minDuration: Number(row["minduration"] ?? 0),
    connectFee: cellText(row["connectfee"] ?? "0"),
    freeAfter: Number(row["freeafter"] ?? 0),
  },
});
