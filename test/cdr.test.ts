/** Call records: which index finds them, that no filter shows another's, that each call is held once, and periods. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { periodStart } from "../actions/cdr/period.js";
import { listStatement, sumStatement } from "../actions/cdr/queries.js";
import type { Selection } from "../actions/cdr/selection.js";
import { summarise } from "../actions/cdr/summary.js";
import { type Database, DatabaseError } from "../engine/database/database.js";
import { loadSample } from "../engine/database/sample.js";
import { fromDatetime, toDatetime } from "../engine/datetime.js";
import type { Row } from "../engine/request.js";
import { addCalls, PLAN_CASES, planOf, statementOfCase } from "./call-records.js";
import { eachDatabase, openMigrated } from "./databases.js";
import { ADMIN, as, startTestServer } from "./server.js";

const NOW = fromDatetime("2026-11-25 15:39:00");

test("periods", () => {
  const cases: [days: string, whole: boolean, start: string | undefined][] = [
    ["", false, undefined],
    ["today", false, "2026-11-25 00:00:00"],
    ["Today", true, "2026-11-25 00:00:00"],
    ["thismonth", false, "2026-11-01 00:00:00"],
    ["lastweek", false, "2026-11-18 15:39:00"],
    ["lastmonth", false, "2026-10-26 15:39:00"],
    ["1", false, "2026-11-24 15:39:00"],
    ["1", true, "2026-11-24 00:00:00"],
    ["365", false, "2025-11-25 15:39:00"],
  ];
  for (const [days, whole, start] of cases) assert.equal(periodStart(days, NOW, whole), start, days);
  for (const wrong of ["0", "-1", "1.5", "36501", "1e3", "week", "toString", "1; select 1"])
    assert.throws(() => periodStart(wrong, NOW), /^ApiError: wrong parameter: days must be /, wrong);
});

const within = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });

const SELECTIONS: fc.Arbitrary<Selection> = fc.record({
  owner: fc.oneof(
    fc.constant({ kind: "everybody" } as const),
    fc.record({ kind: fc.constantFrom("user", "reseller"), id: fc.constantFrom(10_000, 10_017, 10_500) }),
  ),
  direction: fc.constantFrom("all", "in", "out"),
  type: fc.constantFrom("all", "connected", "notconnected"),
  since: within(...[3, 30, 300].map((days) => toDatetime(Date.now() - days * 86_400_000))),
  caller: within<Selection["caller"]>({ user: 10_000 }, { user: 10_017 }, { number: "363010500" }),
  called: within<Selection["called"]>({ user: 10_000 }, { user: 10_031 }, { number: "36301104729" }),
  prefix: within("3", "44", "447", "3899", "99", "120210"),
  except: within("TEST"),
});

/** What a selection means, said a second time. */
function isMeant(row: Row, selection: Selection, users: ReadonlySet<number>): boolean {
  const { owner, direction, type, since, caller, called, prefix } = selection;
  const end = (name: string) => Number(row[name]);
  const isMine = (id: number) =>
    owner.kind === "user" ? id === owner.id : owner.kind === "reseller" ? users.has(id) : id !== 0;
  const everyone = owner.kind === "everybody";
  const out = isMine(end("callerid"));
  const into = isMine(end("calledid")) && (everyone || !out);
  const fits = { all: everyone || out || into, out, in: into }[direction];
  const isParty = (party: Selection["caller"], name: "caller" | "called") =>
    party === undefined || ("user" in party ? end(`${name}id`) === party.user : row[`${name}number`] === party.number);
  return (
    fits &&
    (type === "all" || end("duration") > 0 === (type === "connected")) &&
    (since === undefined || String(row["datum"]) >= since) &&
    isParty(caller, "caller") &&
    isParty(called, "called") &&
    String(row["callednumber"]).startsWith(prefix ?? "")
  );
}

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
          plan.indexes.every((names, place) => names.split("|").includes(used[place] ?? ""));
        assert.ok(fits, `${used} instead of ${plan.indexes}: ${statement.text}`);
      });
  });

  test("every combination of conditions shows what it means, newest first, and sums it up", async () => {
    const { dialect } = database;
    const { rows: records } = await database.run({
      text: "select * from tb_cdrs order by datum desc, id desc",
      values: [],
    });
    const { rows: own } = await database.run({ text: "select id from tb_users where parentid = 10000", values: [] });
    const users = (id: number) => new Set(id === 10_000 ? [id, ...own.map((row) => Number(row["id"]))] : [id]);
    await fc.assert(
      fc.asyncProperty(SELECTIONS, async (selection) => {
        const { owner } = selection;
        const mine = users(owner.kind === "everybody" ? 0 : owner.id);
        const meant = records.filter((row) => isMeant(row, selection, mine));
        const query = { fields: ["id", "cost"], order: "date", limit: 50 } as const;
        const { rows } = await database.run(listStatement(dialect, selection, query));
        const pays = (row: Row) => owner.kind === "everybody" || mine.has(Number(row["callerid"]));
        assert.deepEqual(
          rows.map((row) => [row["id"], row["cost"]]),
          meant.slice(0, 50).map((row) => [row["id"], pays(row) ? row["cost"] : "0"]),
        );
        const sums = await database.run(
          sumStatement(dialect, selection, { sums: ["calls", "cost"], by: "all", limit: 2 }),
        );
        const cost = meant.reduce((sum, row) => sum + (pays(row) ? Math.round(Number(row["cost"]) * 100) : 0), 0);
        assert.deepEqual(
          sums.rows.map((row) => [row["calls"], Math.round(Number(row["cost"]) * 100)]),
          meant.length === 0 ? [] : [[meant.length, cost]],
        );
      }),
      { numRuns: 100 },
    );
  });

  test("a call is held once", async () => {
    const insert = { text: "insert into tb_cdrs (sipcallid, callerid) values (?, ?)", values: ["once@192.0.2.1", 1] };
    await database.run(insert);
    await assert.rejects(database.run(insert), (error) => error instanceof DatabaseError && error.kind === "duplicate");
    await database.run({ text: "insert into tb_cdrs (callerid) values (1), (1)", values: [] });
  });

  test("daily sums that several make at once are made once", async (t) => {
    const small = await openMigrated(await fresh());
    t.after(() => small.close());
    await loadSample(small);
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(Array.from({ length: 4 }, () => summarise(small, "2020-01-01 00:00:00", Date.now())));
      const { rows } = await small.run({ text: "select sum(calls) as calls from tb_cdrinfo", values: [] });
      assert.equal(Number(rows[0]?.["calls"]), 7);
    }
  });

  test("directions are set over all batches, also of calls that began together", async (t) => {
    const server = await startTestServer(await fresh());
    t.after(() => server.stop());
    const send = async (entry: string, more = {}) => (await server.get(entry, as(ADMIN.username, more))).trimEnd();
    assert.equal(await send("gencdr", { count: "2500" }), "OK: 2500 test calls");
    const together = { text: "update tb_cdrs set datum = ?", values: [toDatetime(Date.now())] };
    await server.engine.services.database.run(together);
    assert.equal(await send("updcdrdir"), "OK: 2507 call records, 2507 changed");
    assert.equal(await send("updcdrdir"), "OK: 2507 call records, 0 changed");
  });
});
