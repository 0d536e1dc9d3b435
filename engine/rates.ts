/** The price list in memory: a map of prefixes for each list, replaced whole when the tables change. */
import type { Rate, RateTable } from "./contracts.js";
import { cellText } from "./database/cells.js";
import type { Database } from "./database/database.js";
import type { Row } from "./request.js";
import { makeSlices } from "./slices.js";

type Prefixes = Map<string, Rate>;
interface Lists {
  /** By `kind:resellerid`. */
  byOwner: ReadonlyMap<string, Prefixes>;
  /** Digits of the longest prefix. */
  longest: number;
  count: number;
}

/** A row of a list that is switched off is left out; a row without a list belongs to the default list of calls. */
const READ_PRICES = `select e.id as id, e.prefix as prefix, e.name as name, e.price as price, e.currency as currency,
  e.billingstep as billingstep, e.connectfee as connectfee, s.id as list, s.resellerid as resellerid, s.kind as kind
  from tb_billentries e left join tb_billsources s on s.id = e.billsourceid
  where e.enabled = 1 and (e.billsourceid is null or e.billsourceid = 0 or s.enabled = 1) order by e.id`;

/** `changed` is kept by the database at each change of a row; the counts tell of rows that went. */
const FINGERPRINT = `select (select count(*) from tb_billentries) as prices, (select max(changed) from tb_billentries) as pricechange,
  (select count(*) from tb_billsources) as lists, (select max(changed) from tb_billsources) as listchange,
  (select max(id) from tb_billentries) as lastprice`;

export class PrefixRates implements RateTable {
  readonly #database: Database;
  #lists: Lists = { byOwner: new Map(), longest: 0, count: 0 };
  #seen = "";
  #refreshing: Promise<number> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  find(number: string, resellerId: number, kind: "call" | "sms"): Rate | undefined {
    const own = resellerId === 0 ? undefined : this.#longestPrefix(`${kind}:${resellerId}`, number);
    return own ?? this.#longestPrefix(`${kind}:0`, number);
  }

  #longestPrefix(owner: string, number: string): Rate | undefined {
    const prefixes = this.#lists.byOwner.get(owner);
    if (prefixes === undefined) return undefined;
    for (let length = Math.min(number.length, this.#lists.longest); length > 0; length -= 1) {
      const rate = prefixes.get(number.slice(0, length));
      if (rate !== undefined) return rate;
    }
    return undefined;
  }

  /** Answers the number of prices. Calls at the same time share one reading, unless one of them forces its own. */
  async refresh(force = false): Promise<number> {
    if (this.#refreshing !== undefined) {
      await this.#refreshing;
      if (!force) return this.#lists.count;
    }
    this.#refreshing = this.#read(force).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #read(force: boolean): Promise<number> {
    const { rows } = await this.#database.run({ text: FINGERPRINT, values: [] });
    const fingerprint = JSON.stringify(rows[0]);
    if (!force && fingerprint === this.#seen) return this.#lists.count;
    const prices = await this.#database.run({ text: READ_PRICES, values: [] });
    this.#lists = await listsOf(prices.rows);
    this.#seen = fingerprint;
    return this.#lists.count;
  }
}

async function listsOf(rows: readonly Row[]): Promise<Lists> {
  const byOwner = new Map<string, Prefixes>();
  let longest = 0;
  const slice = makeSlices();
  for (const row of rows) {
    await slice();
    const owner = `${row["kind"] === "sms" ? "sms" : "call"}:${row["resellerid"] ?? 0}`;
    const prefixes = byOwner.get(owner) ?? new Map<string, Rate>();
    byOwner.set(owner, prefixes);
    const rate = rateOf(row);
    prefixes.set(rate.prefix, rate);
    longest = Math.max(longest, rate.prefix.length);
  }
  return { byOwner, longest, count: rows.length };
}

const rateOf = (row: Row): Rate => ({
  id: Number(row["id"]),
  prefix: cellText(row["prefix"]).replace(/\D/g, ""),
  // Clients take the second word as the destination, so a name has to be one word.
  name: cellText(row["name"]).trim().replace(/\s+/g, "-"),
  price: cellText(row["price"]),
  currency: cellText(row["currency"]),
  billingStep: Number(row["billingstep"] ?? 1),
  connectFee: cellText(row["connectfee"] ?? "0"),
});
