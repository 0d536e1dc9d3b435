/** Call records: which index finds them, that each call is held once, and periods. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "../engine/database/database.js";
import { addCalls, PLAN_CASES, planOf, statementOfCase } from "./call-records.js";
import { eachDatabase, openMigrated } from "./databases.js";

eachDatabase("call records", (fresh) => {
  let database: Database;
  before(async () => {
    database = await openMigrated(await fresh());
    await addCalls(database, 20_000);
  });
  after(() => database.close());

  test("each condition and order is found by its index", async (t) => {
    for (const plan of PLAN_CASES)
      await t.test(plan.title, async () => {
        const statement = statementOfCase(database, plan);
        const used = await planOf(database, statement);
        const fits =
          used.length === plan.indexes.length &&
          plan.indexes.every((names, n) => names.split("|").includes(used[n] ?? ""));
        assert.ok(fits, `${used} instead of ${plan.indexes}: ${statement.text}`);
      });
  });
});
