/**
 * A bank under fire: users send each other money and recharge by PIN while the server is killed again and again. Whoever gets no
 * answer sends the request again with its key. As a program, `bank.js KILLS`, it plays that on both databases.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { formatAmount, parseAmount } from "../engine/database/amount.js";
import type { Database } from "../engine/database/database.js";
import { freshMariaDb, freshSqlite, openMigrated } from "./databases.js";
import { type ServerProcess, startProcess } from "./process.js";
import { ADMIN, as, type Params } from "./server.js";

const USERS = Array.from({ length: 12 }, (_, index) => `saver${index}`);
const OPENING = 20_000_000n;
const PINS = 40;
const PIN_VALUE = 5_000_000n;
const CLIENTS = 8;

interface Request {
  entry: string;
  user: string;
  params: Params;
  /** What a good answer moves, in millionths. */
  moves: [user: string, amount: bigint][];
}

type Random = (below: number) => number;

/** The same numbers for the same seed, so that a failure can be played again. */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const some = <T>(list: readonly T[], random: Random): T => list[random(list.length)] as T;
const pinOf = (index: number) => `7${String(index).padStart(11, "0")}`;

/** Transfers, recharges, what an administrator adds; some can't succeed. */
function anyRequest(key: string, random: Random): Request {
  const user = some(USERS, random);
  const params = { idempotencykey: key };
  const kind = random(10);
  if (kind < 2) {
    const pin = pinOf(random(PINS));
    return { entry: "charge", user, params: { ...params, pin }, moves: [[user, PIN_VALUE]] };
  }
  const amount = BigInt(1 + random(kind === 2 ? 90_000_000 : 3_000_000));
  const credit = formatAmount(amount);
  if (kind === 3)
    return {
      entry: "addcredit",
      user: ADMIN.username,
      params: { ...params, targetuser: user, credit },
      moves: [[user, amount]],
    };
  const username = kind === 4 ? "nobody" : some(USERS, random);
  return {
    entry: "transfercredit",
    user,
    params: { ...params, username, credit },
    moves: [
      [user, -amount],
      [username, amount],
    ],
  };
}

class Bank {
  readonly #address: string;
  readonly #random: Random;
  readonly #database: Database;
  readonly expected = new Map(USERS.map((user) => [user, OPENING]));
  readonly done = { good: 0, refused: 0, repeated: 0 };
  #server: ServerProcess | undefined;
  #stopping = false;
  #abandoned = false;

  constructor(address: string, database: Database, seed: number) {
    this.#address = address;
    this.#database = database;
    this.#random = randomOf(seed);
  }

  /** Sends requests until the bank closes; each is sent until it is answered. */
  async client(name: string): Promise<void> {
    for (let count = 0; !this.#stopping; count += 1) {
      const request = anyRequest(`${name}-${count}`, this.#random);
      const answer = await this.#answered(request);
      if (answer.startsWith("OK: ")) {
        this.done.good += 1;
        for (const [user, amount] of request.moves) this.expected.set(user, (this.expected.get(user) ?? 0n) + amount);
      } else {
        assert.match(
          answer,
          /^ERROR: (no credit|not found|wrong parameter): /,
          `${request.entry} ${JSON.stringify(request.params)}`,
        );
        this.done.refused += 1;
      }
    }
  }

  async #answered({ entry, user, params }: Request): Promise<string> {
    for (let tries = 0; !this.#abandoned; tries += 1) {
      const answer = (await this.#server?.get(entry, as(user, params))) ?? "";
      if (tries === 1) this.done.repeated += 1;
      if (answer !== "" && !/^ERROR: not available: /.test(answer)) return answer;
      await pause(20);
    }
    return "OK: nobody wants to know any more";
  }

  async open(): Promise<void> {
    this.#server = await startProcess(this.#address, { TBAPI_LIMITPIN: "100000" });
  }

  /** In the midst of it: after so many answers, at a moment that nobody has chosen. */
  async kill(): Promise<void> {
    const answers = () => this.done.good + this.done.refused;
    const enough = answers() + 15 + this.#random(40);
    while (answers() < enough && !this.#stopping) await pause(2);
    await pause(this.#random(15));
    await this.#server?.kill();
    this.#server = undefined;
  }

  /** Whatever was cut off: the ledger has every change, whole and once. */
  async prove(): Promise<void> {
    const numbers = async (text: string) => {
      const { rows } = await this.#database.run({ text, values: [] });
      return rows.map((row) => Object.values(row).join(" "));
    };
    assert.deepEqual(await numbers(WRONG_CREDITS), [], "a credit is not the sum of its ledger");
    assert.deepEqual(await numbers(REPEATED_KEYS), [], "a request was carried out twice");
    assert.deepEqual(await numbers(REPEATED_PINS), [], "a PIN was used twice");
    assert.deepEqual(await numbers(HALF_TRANSFERS), [], "a transfer has one side only");
    assert.deepEqual(await numbers(WRONG_PINS), [], "a PIN and the ledger tell different things");
  }

  /** Ends the clients, and looks whether each account has what its answers said. */
  async close(clients: Promise<unknown>): Promise<void> {
    this.#stopping = true;
    await clients;
    await this.prove();
    const { rows } = await this.#database.run({
      text: "select username, credit from tb_users where id > 5000",
      values: [],
    });
    const found = new Map(rows.map(({ username, credit }) => [String(username), parseAmount(String(credit))]));
    for (const user of USERS)
      assert.equal(found.get(user), this.expected.get(user), `${user} has not what was answered`);
  }

  /** Ends the clients without their answers, and the server. */
  async abandon(): Promise<void> {
    this.#stopping = true;
    this.#abandoned = true;
    await this.#server?.kill();
  }
}

const WRONG_CREDITS = `select u.username from tb_users u left join (select userid, sum(amount) as total from tb_ledger group by userid) l
  on l.userid = u.id where round(u.credit - coalesce(l.total, 0), 6) <> 0`;
const REPEATED_KEYS = `select userid, idempotencykey from tb_ledger where idempotencykey is not null
  group by userid, idempotencykey, amount > 0 having count(*) > 1`;
const REPEATED_PINS = "select reference from tb_ledger where kind = 'pin' group by reference having count(*) > 1";
const HALF_TRANSFERS = `select idempotencykey from tb_ledger where kind = 'transfer' group by idempotencykey
  having count(*) <> 2 or round(sum(amount), 6) <> 0`;
const WRONG_PINS = `select p.id from tb_prepaidcodes p where p.code like '7%' and (p.usedby <> 0) <> exists
  (select 1 from tb_ledger l where l.kind = 'pin' and l.reference = 'code ' || p.id and l.userid = p.usedby)`;

async function openAccounts(database: Database): Promise<void> {
  await database.transaction(async (session) => {
    const run = (text: string, values: (string | number)[]) => session.run({ text, values });
    const amount = formatAmount(OPENING);
    for (const [index, user] of USERS.entries()) {
      const id = 5_001 + index;
      const values = [id, user, `${user}-sample`, amount];
      await run(
        "insert into tb_users (id, type, username, password, currency, credit) values (?, 0, ?, ?, 'USD', ?)",
        values,
      );
      const opening = [id, amount, amount];
      await run(
        "insert into tb_ledger (userid, amount, balance, kind, reference) values (?, ?, ?, 'opening', 'bank')",
        opening,
      );
    }
    for (let index = 0; index < PINS; index += 1) {
      const values = [5_001 + index, pinOf(index), formatAmount(PIN_VALUE)];
      await run("insert into tb_prepaidcodes (id, code, credit) values (?, ?, ?)", values);
    }
  });
}

/** Plays it on a new database; answers what happened, in words. Errors: AssertionError that tells what is wrong, and the seed. */
export async function playBank(address: string, kills: number, seed = Date.now() % 2 ** 31): Promise<string> {
  const database = await openMigrated(address);
  await openAccounts(database);
  const bank = new Bank(address, database, seed);
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, index) => bank.client(`c${index}`)));
  // A client that fails ends the play, and is told of at the close.
  clients.catch(() => bank.abandon());
  try {
    for (let count = 0; count < kills; count += 1) {
      await bank.open();
      await bank.kill();
      await bank.prove();
    }
    await bank.open();
    await bank.prove();
    await bank.close(clients);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the bank of seed ${seed} is broken: ${reason}`, { cause });
  } finally {
    await bank.abandon();
    await database.close();
  }
  const { good, refused, repeated } = bank.done;
  assert.ok(good > 0 && repeated > 0, "too little happened to prove anything");
  return `${kills} kills, ${good} requests carried out, ${refused} refused, ${repeated} repeated after no answer; seed ${seed}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const kills = Number(process.argv[2] ?? 50);
  for (const [name, fresh] of Object.entries({ SQLite: freshSqlite, MariaDB: () => freshMariaDb() }))
    console.log(`${name}: ${await playBank(await fresh(), kills)}`);
}
