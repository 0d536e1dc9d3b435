/** Banned addresses: rows of tb_bannedip, which an administrator may write too, as addresses, networks or ranges. */
import { BlockList } from "node:net";
import type { Bans } from "../contracts.js";
import type { Database } from "../database/database.js";
import { toDatetime } from "../datetime.js";
import { ApiError } from "../errors.js";
import { groupOfText, type Place } from "./address.js";
import { addToList, contains } from "./address-list.js";
import type { Visit } from "./visit.js";

const READ = 10_000;
const SECOND = 1_000;

export class BanList implements Bans {
  readonly #database: Database;
  readonly #now: () => number;
  #addresses = new Set<string>();
  /** Ends with the last ban that is being stored; settled whatever became of it. */
  #stored: Promise<unknown> = Promise.resolve();
  #networks: { text: string; list: BlockList } | undefined;

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  /** Loopback is exempt. Errors: ApiError "access denied". */
  readonly check = ({ place }: Pick<Visit, "place">): void => {
    if (place.loopback || !this.#isBanned(place)) return;
    throw new ApiError(
      "access denied",
      "this address is banned for a time; an administrator can lift that with delbanned",
    );
  };

  get size(): number {
    return this.#addresses.size;
  }

  #isBanned({ address, group, parsed }: Place): boolean {
    if (this.#addresses.size > 0 && (this.#addresses.has(address) || this.#addresses.has(group))) return true;
    return this.#networks !== undefined && parsed !== undefined && contains(this.#networks.list, parsed);
  }

  /** Bans the group of the place, here at once and on the other servers within a second. Errors: DatabaseError. */
  ban({ group }: Place, seconds: number, reason: string): Promise<void> {
    this.#addresses.add(group);
    const storing = this.#stored.then(() => this.#store(group, seconds, reason));
    this.#stored = storing.catch(() => {});
    return storing;
  }

  #store(group: string, seconds: number, reason: string): Promise<void> {
    const now = this.#now();
    return this.#database.transaction(async (session) => {
      await session.run({ text: "delete from tb_bannedip where ip = ?", values: [group] });
      await session.run({
        text: "insert into tb_bannedip (ip, reason, datum, until) values (?, ?, ?, ?)",
        values: [group, reason, toDatetime(now), toDatetime(now + seconds * SECOND)],
      });
    });
  }

  /** Lifts the ban of one address (or of the network as it stands in the list), or of all; answers how many. */
  async lift(address: string | "all"): Promise<number> {
    const statement =
      address === "all"
        ? { text: "delete from tb_bannedip", values: [] }
        : { text: "delete from tb_bannedip where ip = ? or ip = ?", values: [address, groupOfText(address)] };
    await this.#stored;
    const { changed } = await this.#database.run(statement);
    await this.refresh();
    return changed;
  }

  /** Takes the bans as the database has them. Errors: DatabaseError. */
  async refresh(): Promise<void> {
    await this.#stored;
    const { rows } = await this.#database.run({
      text: `select ip from tb_bannedip where until is null or until > ? order by until desc limit ${READ}`,
      values: [toDatetime(this.#now())],
    });
    const banned = rows.map((row) => asGrouped(String(row["ip"])));
    this.#addresses = new Set(banned);
    const networks = banned.filter((ip) => /[/-]/.test(ip) && !ip.endsWith("::/64"));
    const text = networks.join(" ");
    if (text === "") this.#networks = undefined;
    else if (this.#networks?.text !== text) this.#networks = { text, list: listOf(networks) };
  }

  /** Deletes the bans that are over. */
  async purge(): Promise<void> {
    await this.#database.run({ text: "delete from tb_bannedip where until <= ?", values: [toDatetime(this.#now())] });
  }
}

/** A network of 64 bits is listed as its requests are grouped, however it was written: `2001:db8::/64`. */
const asGrouped = (ip: string): string => (ip.endsWith("::/64") ? groupOfText(ip.slice(0, -"/64".length)) : ip);

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) addToList(list, network);
  return list;
}
