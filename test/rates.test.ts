/** The price list in memory is what the database has. */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { after, before, beforeEach, test } from "node:test";
import type { Database } from "../engine/database/database.js";
import { PrefixRates } from "../engine/rates.js";
import { eachDatabase, openMigrated, restoreSample } from "./databases.js";

eachDatabase("prices", (fresh, dialect) => {
  let database: Database;
  before(async () => {
    database = await openMigrated(await fresh());
  });
  after(() => database.close());
  beforeEach(() => restoreSample(database));

  test("whoever asks after a change sees it, also while an earlier reading goes on", async () => {
    const gate = new EventEmitter();
    const slow = Object.create(database, {
      run: {
        value: async (statement: Parameters<Database["run"]>[0]) => {
          const result = await database.run(statement);
          if (!/ as billingstep/.test(statement.text)) return result;
          gate.emit("read");
          await once(gate, "open");
          return result;
        },
      },
    }) as Database;
    const rates = new PrefixRates(slow);
    const read = once(gate, "read");
    const first = rates.refresh();
    await read;
    await database.run({ text: "update tb_billentries set price = 0.5 where prefix = '3630'", values: [] });
    const second = rates.refresh();
    gate.on("read", () => setImmediate(() => gate.emit("open")));
    gate.emit("open");
    await Promise.all([first, second]);
    assert.equal(rates.find("36301234567", 0, "call")?.price, "0.5");
  });

  // On SQLite a change waits for the end of the one before.
  if (dialect === "mariadb")
    test("a change that is committed after a later one is seen", async () => {
      const rates = new PrefixRates(database);
      await rates.refresh();
      const change = (price: string, prefix: string) => ({
        text: "update tb_billentries set price = ? where id = (select id from (select min(id) as id from tb_billentries where prefix = ?) as e)",
        values: [price, prefix],
      });
      await database.transaction(async (session) => {
        await session.run(change("0.5", "3630"));
        await database.run(change("0.6", "447"));
        await rates.refresh();
      });
      await rates.refresh();
      assert.deepEqual(
        ["3630", "447"].map((number) => rates.find(number, 0, "call")?.price),
        ["0.5", "0.6"],
      );
    });

  for (const [title, number, reseller, kind, prefix] of [
    ["the longest prefix", "36301234567", 0, "call", "3630"],
    ["a shorter one where the longer does not fit", "3612345678", 0, "call", "36"],
    ["a prefix itself", "36", 0, "call", "36"],
    ["a reseller's own, whatever its length", "36301234567", 1010, "call", "36"],
    ["the default list where the reseller has none", "447700900123", 1010, "call", "447"],
    ["messages have their own", "36301234567", 1010, "sms", "36"],
    ["no prefix", "999123", 0, "call", undefined],
    ["less than a prefix", "3", 0, "call", undefined],
    ["nothing", "", 0, "call", undefined],
  ] as const)
    test(`found is ${title}`, async () => {
      const rates = new PrefixRates(database);
      await rates.refresh();
      assert.equal(rates.find(number, reseller, kind)?.prefix, prefix);
    });

  for (const [title, sql, price] of [
    ["a price that changes", "update tb_billentries set price = 0.09 where prefix = '3630'", "0.09"],
    ["a price that goes", "delete from tb_billentries where prefix = '3630'", "0.02"],
    ["a price that is switched off", "update tb_billentries set enabled = 0 where prefix = '3630'", "0.02"],
    ["a list that is switched off", "update tb_billsources set enabled = 0 where id = 1", undefined],
    ["a list that gets another owner", "update tb_billsources set resellerid = 7 where id = 1", undefined],
    ["a list that goes", "delete from tb_billsources where id = 1", undefined],
    ["a later price of the prefix", "insert into tb_billentries (prefix, price) values ('+36 30', 0.11)", "0.11"],
  ] as const)
    test(`seen is ${title}`, async () => {
      const rates = new PrefixRates(database);
      await rates.refresh();
      await database.run({ text: sql, values: [] });
      await rates.refresh();
      assert.equal(rates.find("36301234567", 0, "call")?.price, price);
    });
});
