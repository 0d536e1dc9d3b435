/** Deliveries of the outbox: tried again where that may help, given up where not, booked exactly once. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Booking, DeliveredItem, Delivery } from "../engine/contracts.js";
import { type Engine, openEngine } from "../engine/engine.js";
import { PassingError } from "../engine/errors.js";
import { makeCarriers } from "../engine/run/deliveries.js";
import { eachDatabase } from "./databases.js";
import { SEAL_KEY } from "./server.js";

const note =
  (body: string): Booking =>
  async (session) => {
    await session.run({ text: "insert into tb_offmessages (fromuser, touser, body) values (1, 1, ?)", values: [body] });
  };

interface Case {
  title: string;
  /** What each try does. */
  tries: ((item: DeliveredItem) => Booking | undefined)[];
  notes: (string | RegExp)[];
  state: string[];
}

const fails = (cause: Error) => (): undefined => {
  throw cause;
};

const CASES: Case[] = [
  { title: "what a try gives back is committed", tries: [() => note("done")], notes: ["done"], state: [] },
  { title: "a try may give nothing back", tries: [() => undefined], notes: [], state: [] },
  {
    title: "a passing failure is tried again",
    tries: [fails(new PassingError("busy")), ({ tries }) => note(`try ${tries}`)],
    notes: ["try 2"],
    state: [],
  },
  {
    title: "another failure gives the item up at once, with what belongs to it",
    tries: [fails(new Error("no such mailbox"))],
    notes: ["given up: no such mailbox"],
    state: ["failed"],
  },
  {
    title: "the last try gives the item up",
    tries: [fails(new PassingError("busy")), fails(new PassingError("busy")), fails(new PassingError("still busy"))],
    notes: ["given up: still busy"],
    state: ["failed"],
  },
  {
    title: "a booking that the database refuses leaves the item, with nothing changed",
    tries: [
      () => async (session) => {
        await note("half")(session);
        await session.run({ text: "insert into tb_offmessages (id, fromuser) values ('no number', null)", values: [] });
      },
    ],
    notes: [/^given up: (a|the) value does not fit/],
    state: ["failed"],
  },
];

const patternOf = (expected: string | RegExp | undefined): RegExp =>
  expected instanceof RegExp ? expected : new RegExp(`^${expected}$`);

/** An engine whose outbox knows one delivery. `carry` resolves when nothing waits any more; pauses between tries are skipped. */
async function openedAt(database: string, t: TestContext) {
  const engine = await openEngine({ TBAPI_DB: database, TBAPI_SEALKEY: SEAL_KEY, TBAPI_LOGLEVEL: "silent" });
  t.after(() => engine.close());
  const carry = async (delivery: Delivery) => {
    engine.outbox.start(makeCarriers(engine.outbox.table, engine.services, new Map([["probe.deliver", delivery]])));
    while ((await engine.outbox.counts()).waiting > 0) {
      const text = "update tb_outbox set nexttry = '2000-01-01 00:00:00' where state = 'waiting'";
      await engine.services.database.run({ text, values: [] });
      engine.outbox.wake();
      await pause(20);
    }
  };
  return { engine, carry };
}

const column = async ({ services }: Engine, text: string): Promise<string[]> =>
  (await services.database.run({ text, values: [] })).rows.map((row) => String(Object.values(row)[0]));

eachDatabase("deliveries", (fresh) => {
  for (const { title, tries, notes, state } of CASES)
    test(title, async (t) => {
      const { engine, carry } = await openedAt(await fresh(), t);
      const probe: Delivery = {
        summary: "One step of the case.",
        seconds: 5,
        tries: 3,
        deliver: async (item) => tries[item.tries - 1]?.(item),
        givenUp: (_item, reason) => note(`given up: ${reason}`),
      };
      await engine.outbox.put(engine.services.database, {
        kind: "probe.deliver",
        body: {},
        entry: "probe",
        userId: 1001,
      });
      await carry(probe);
      const bodies = await column(engine, "select body from tb_offmessages order by id");
      assert.equal(bodies.length, notes.length, bodies.join());
      for (const [index, body] of bodies.entries()) assert.match(body, patternOf(notes[index]));
      assert.deepEqual(await column(engine, "select state from tb_outbox"), state);
    });

  test("what was done is kept where a delivery says so", async (t) => {
    const { engine, carry } = await openedAt(await fresh(), t);
    await engine.outbox.put(engine.services.database, { kind: "probe.deliver", body: {}, entry: "probe", userId: 1 });
    await carry({
      summary: "Keeps.",
      seconds: 5,
      tries: 1,
      deliver: async (_item, { keep }) => {
        keep("exit code 0");
        return undefined;
      },
    });
    assert.deepEqual(await column(engine, "select lasterror from tb_outbox where state = 'done'"), ["exit code 0"]);
    assert.deepEqual(await engine.outbox.counts(), { waiting: 0, failed: 0 });
  });

  test("what was given up is tried again on demand, unless its failure was booked", async (t) => {
    const { engine, carry } = await openedAt(await fresh(), t);
    let broken = true;
    const probe: Delivery = {
      summary: "Works the second time.",
      seconds: 5,
      tries: 1,
      deliver: async () => {
        if (broken) throw new Error("broken");
        return note("done");
      },
    };
    await engine.outbox.put(engine.services.database, { kind: "probe.deliver", body: {}, entry: "probe", userId: 1 });
    await carry(probe);
    assert.deepEqual(await engine.outbox.counts(), { waiting: 0, failed: 1 });
    broken = false;
    assert.equal(await engine.outbox.retry("all"), 1);
    while ((await engine.outbox.counts()).waiting > 0) await pause(20);
    assert.deepEqual(await column(engine, "select body from tb_offmessages"), ["done"]);

    const refunded = await openedAt(await fresh(), t);
    await refunded.engine.outbox.put(refunded.engine.services.database, {
      kind: "probe.deliver",
      body: {},
      entry: "probe",
      userId: 1,
    });
    broken = true;
    await refunded.carry({ ...probe, givenUp: () => note("refund") });
    assert.equal(await refunded.engine.outbox.retry("all"), 0);
  });

  test("items of a kind that nobody knows wait for a server that does, for an hour", async (t) => {
    const { engine } = await openedAt(await fresh(), t);
    for (const kind of ["new.kind", "old.kind"])
      await engine.outbox.put(engine.services.database, { kind, body: {}, entry: "probe", userId: 1 });
    const text = "update tb_outbox set datum = '2020-01-01 00:00:00' where kind = 'old.kind'";
    await engine.services.database.run({ text, values: [] });
    engine.outbox.start(new Map([["probe.deliver", {} as never]]));
    while ((await engine.outbox.counts()).failed < 1) await pause(20);
    assert.deepEqual(await column(engine, "select state from tb_outbox order by kind"), ["waiting", "failed"]);
  });
});
