/** Credit is exact, is moved once, and is provable from the ledger, whatever happens at the same time. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { formatAmount, parseAmount } from "../engine/database/amount.js";
import { eachDatabase, restoreSample } from "./databases.js";
import { ADMIN, as, type Params, startTestServer, type TestServer } from "./server.js";

const PIN = "100000000025";
const count = (answers: string[], start: string): number => answers.filter((answer) => answer.startsWith(start)).length;
const times = <T>(n: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, index) => make(index)));

eachDatabase("money", (fresh, dialect) => {
  let server: TestServer;
  /** On the same database. */
  let other: TestServer;
  /** Either server in turn. */
  const inTurn = (index: number): TestServer => (index % 2 === 0 ? server : other);
  const creditOf = async (name: string): Promise<string> => {
    const { rows } = await server.engine.services.database.run({
      text: "select credit from tb_users where username = ?",
      values: [name],
    });
    return String(rows[0]?.["credit"]);
  };
  const ledgerRows = async (kind: string): Promise<number> => {
    const { rows } = await server.engine.services.database.run({
      text: "select count(*) as n from tb_ledger where kind = ?",
      values: [kind],
    });
    return Number(rows[0]?.["n"]);
  };
  const assertProvable = async () => assert.match(await server.get("checkcredits", as(ADMIN.username)), /^OK: 0 rows/);

  /** Some transaction waits for a lock of another; MariaDB only. */
  const isWaiting = async (): Promise<boolean> => {
    const text =
      "select count(*) as n from information_schema.processlist where db = database() and command = 'Execute' and time_ms > 100";
    const { rows } = await server.engine.services.database.run({ text, values: [] });
    return Number(rows[0]?.["n"]) > 0;
  };

  before(async () => {
    const address = await fresh();
    server = await startTestServer(address, { TBAPI_LIMITPIN: "1000" });
    other = await startTestServer(address, { TBAPI_LIMITPIN: "1000" });
  });
  after(() => Promise.all([server.stop(), other.stop()]));
  beforeEach(() => restoreSample(server.engine.services.database, [ADMIN.username]));

  test("a PIN that is sent 50 times at once by one user to two servers recharges once", async () => {
    const answers = await times(50, (index) => inTurn(index).get("charge", as("alice", { anum: PIN })));
    assert.equal(count(answers, "OK: 25 added"), 1);
    assert.equal(await creditOf("alice"), "35");
    assert.equal(await ledgerRows("pin"), 1);
    await assertProvable();
  });

  test("a transfer that a deadlock has ended is made after all, once", async () => {
    const { database } = server.engine.services;
    const touch = (name: string) => ({ text: "update tb_users set name = ? where username = ?", values: ["x", name] });
    const answer = await database.transaction(async (session) => {
      // Who has changed more rows is not the one that MariaDB ends.
      for (const name of ["bob", "carol", "dave", "erin", "rita"]) await session.run(touch(name));
      const transfer = other.get("transfercredit", as("alice", { username: "bob", credit: "1" }));
      while (dialect === "mariadb" && !(await isWaiting())) await pause(20);
      await session.run(touch("alice"));
      return { transfer };
    });
    assert.equal(await answer.transfer, "OK: 1 sent to bob, the credit is 9");
    assert.deepEqual([await creditOf("alice"), await creditOf("bob")], ["9", "6"]);
    await assertProvable();
  });

  test("a PIN that several users send at once recharges one of them", async () => {
    const users = ["alice", "bob", "carol", "erin"];
    const answers = await times(20, (index) =>
      inTurn(index).get("charge", as(users[(index >> 1) % users.length] ?? "", { pin: PIN })),
    );
    assert.equal(count(answers, "OK:"), 1);
    assert.equal(await ledgerRows("pin"), 1);
    await assertProvable();
  });

  test("a request with the same idempotencykey is carried out once and answered alike", async () => {
    const send = (index = 0) =>
      inTurn(index).get("transfercredit", as("alice", { username: "bob", credit: "1", idempotencykey: "order-1" }));
    const answers = new Set(await times(10, send));
    assert.deepEqual([...answers], ["OK: 1 sent to bob, the credit is 9"]);
    assert.equal(await creditOf("bob"), "6");
    assert.equal(await send(), "OK: 1 sent to bob, the credit is 9");
    const other = await server.get(
      "transfercredit",
      as("alice", { username: "bob", credit: "2", idempotencykey: "order-1" }),
    );
    assert.match(other, /^ERROR: conflict: this idempotencykey /);
    const stranger = await server.get(
      "transfercredit",
      as("bob", { username: "alice", credit: "1", idempotencykey: "order-1" }),
    );
    assert.match(stranger, /^OK: 1 sent to alice/);
    await assertProvable();
  });

  test("keys that a database holds for the same are told apart", async () => {
    const send = (idempotencykey: string) =>
      server.get("transfercredit", as("alice", { username: "bob", credit: "1", idempotencykey }));
    assert.match(await send("order-a"), /^OK: /);
    assert.match(await send("ORDER-A"), /^ERROR: conflict: this idempotencykey /);
    assert.equal(await send("order-a"), "OK: 1 sent to bob, the credit is 9");
    assert.equal(await creditOf("bob"), "6");
  });

  const outside: [title: string, sql: string, differences: string][] = [
    ["a credit", "update tb_users set credit = credit + 0.000001 where id = 1001", "1001 10.000001 10 0.000001"],
    ["a ledger row", "delete from tb_ledger where userid = 1001", "1001 10 0 10"],
    ["an amount of the ledger", "update tb_ledger set amount = 12 where userid = 1001", "1001 10 12 -2"],
    ["a new account", "insert into tb_users (id, username, credit) values (999, 'x', 1.5)", "999 1.5 0 1.5"],
    ["an account that is gone", "delete from tb_users where id = 1001", "1001 0 10 -10"],
  ];
  for (const [title, sql, differences] of outside)
    test(`checkcredits finds ${title} that raw SQL has changed, and books it once, however many do`, async () => {
      await server.engine.services.database.run({ text: sql, values: [] });
      const { rows = [] } = await server.json("checkcredits", as(ADMIN.username));
      const found = rows.map(({ id, credit, ledger, difference }) => [id, credit, ledger, difference].join(" "));
      assert.deepEqual(found, [differences]);
      await times(6, (index) => inTurn(index).get("checkcredits", as(ADMIN.username, { book: "1" })));
      assert.equal(await ledgerRows("correction"), 1);
      await assertProvable();
    });

  test("the sum of a ledger is exact, also of large amounts", async () => {
    await server.engine.services.database.transaction(async (session) => {
      for (const amount of [...Array(20).fill("999999999.000001"), ...Array(20).fill("-999999999")])
        await session.run({ text: "insert into tb_ledger (userid, amount) values (1001, ?)", values: [amount] });
      await session.run({
        text: "update tb_users set credit = round(credit + 0.00002, 6) where id = 1001",
        values: [],
      });
    });
    await assertProvable();
  });

  test("a credit that a statement of somebody else has left with more places is an amount again", async () => {
    const run = (text: string) => server.engine.services.database.run({ text, values: [] });
    await run("update tb_users set credit = credit / 3.0 where username = 'alice'");
    assert.equal(await server.get("balance", as("alice")), "Your credit is $3.333333");
    await server.get("checkcredits", as(ADMIN.username, { book: "1" }));
    const change = { table: "tb_users", fieldname: "credit", rowid: "1001" };
    assert.match(await server.get("setfield", as(ADMIN.username, { ...change, fieldvalue: "7" })), /^OK: /);
    const beyond = await server.get("setfield", as(ADMIN.username, { ...change, fieldvalue: "1000000000" }));
    assert.equal(beyond, "ERROR: wrong parameter: a credit may be 999999999.999999 at most");
    assert.equal(await creditOf("alice"), "7");
    await assertProvable();
  });

  test("a user is added once, and no password is kept in clear beside the key", async () => {
    const add = (params: Params) => server.get("newuseri", as(ADMIN.username, { credit: "3", ...params }));
    const given = { u_username: "newcomer", u_password: "S3cret-pw", idempotencykey: "user-1" };
    const first = await add(given);
    assert.match(first, /^OK: user_id: \d+, username: newcomer$/);
    assert.equal(await add(given), first);
    assert.match(await add({ ...given, u_password: "Another-pw" }), /^ERROR: conflict: this idempotencykey /);
    const made = { u_username: "another", idempotencykey: "user-2" };
    const told = await add(made);
    assert.equal(await add(made), told);
    const { rows } = await server.engine.services.database.run({ text: "select * from tb_idempotency", values: [] });
    assert.equal(rows.length, 2);
    assert.ok(!JSON.stringify(rows).includes(/password: (\w+)$/.exec(told)?.[1] ?? ""));
    await assertProvable();
  });

  test("a request that failed can be sent again with its idempotencykey", async () => {
    const send = () =>
      server.get("transfercredit", as("alice", { username: "bob", credit: "12", idempotencykey: "order-2" }));
    assert.match(await send(), /^ERROR: no credit: /);
    await server.get("addcredit", as(ADMIN.username, { targetuser: "alice", credit: "5" }));
    assert.equal(await send(), "OK: 12 sent to bob, the credit is 3");
  });

  for (const [title, bad] of Object.entries({
    "an exponent": "1e3",
    "a hexadecimal number": "0x10",
    "no number": "NaN",
    "a decimal comma": "1,5",
    "less than nothing": "-1",
    nothing: "0",
    "a seventh place": "0.0000001",
    "more than a credit can be": "1000000000",
    "a blank": " ",
  }))
    test(`an amount with ${title} moves nothing`, async () => {
      assert.match(
        await server.get("transfercredit", as("alice", { username: "bob", credit: bad })),
        /^ERROR: (wrong parameter|no credit): /,
      );
      assert.deepEqual([await creditOf("alice"), await creditOf("bob")], ["10", "5"]);
    });

  test("a postpaid account uses its limit up, and no account goes below nothing", async () => {
    const send = (credit: string) => server.get("transfercredit", as("carol", { username: "alice", credit }));
    assert.equal(await send("20"), "OK: 20 sent to alice, the credit is 480");
    assert.equal(await server.get("balance", as("carol")), "Postpaid, your credit is $480");
    assert.equal(await send("480.000001"), "ERROR: no credit: the credit is less than 480.000001");
    assert.equal(await send("480"), "OK: 480 sent to alice, the credit is 0");
    assert.match(await send("0.000001"), /^ERROR: no credit: /);
  });

  test("a JSON number keeps its digits", async () => {
    for (const body of [`{"credit":0.1}`, `{"credit":"0.1"}`, `{"credit":0.10}`]) {
      const query = new URLSearchParams({ apientry: "transfercredit", ...as("alice", { username: "bob" }) });
      const answer = await fetch(`${server.url}/mvapireq/?${query}`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
      });
      assert.equal(((await answer.json()) as { code: number }).code, 200);
    }
    assert.equal(await creditOf("alice"), "9.7");
  });

  test("accounts of different currencies don't mix", async () => {
    await server.engine.services.database.run({
      text: "update tb_users set currency = 'EUR' where username = 'bob'",
      values: [],
    });
    assert.match(
      await server.get("transfercredit", as("alice", { username: "bob", credit: "1" })),
      /^ERROR: conflict: /,
    );
    await server.engine.services.database.run({
      text: "update tb_prepaidcodes set currency = 'EUR' where code = ?",
      values: [PIN],
    });
    assert.match(await server.get("charge", as("alice", { pin: PIN })), /^ERROR: not found: /);
  });

  test("any transfers at once among three users keep the total and the ledger", async () => {
    const users = ["alice", "bob", "erin"];
    const transfer = fc.record({ from: fc.nat(2), to: fc.nat(2), millionths: fc.bigInt({ min: 1n, max: 3_000_000n }) });
    await fc.assert(
      fc.asyncProperty(fc.array(transfer, { minLength: 1, maxLength: 25 }), async (transfers) => {
        await restoreSample(server.engine.services.database, [ADMIN.username]);
        const total = async () =>
          (await times(3, async (index) => parseAmount(await creditOf(users[index] ?? "")) ?? 0n)).reduce(
            (sum, it) => sum + it,
            0n,
          );
        const before = await total();
        await Promise.all(
          transfers.map(({ from, to, millionths }, index) =>
            inTurn(index).get(
              "transfercredit",
              as(users[from] ?? "", { username: users[to] ?? "", credit: formatAmount(millionths) }),
            ),
          ),
        );
        assert.equal(await total(), before);
        await assertProvable();
      }),
      { numRuns: 8 },
    );
  });
});
