/** Presence, chat messages, rooms and numbers, also when many ask at the same moment. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, beforeEach, test } from "node:test";
import { eachDatabase, restoreSample } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

const times = <T>(n: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, index) => make(index)));
const messagesOf = (answers: readonly string[]): string[] =>
  answers.flatMap((answer) => answer.split("XOFFMESSAGE:").slice(1, -1));

eachDatabase("presence", (fresh) => {
  let server: TestServer;
  const count = async (sql: string): Promise<number> => {
    const { rows } = await server.engine.services.database.run({ text: sql, values: [] });
    return Number(Object.values(rows[0] ?? {})[0]);
  };
  const addUsers = async (names: readonly string[]): Promise<void> => {
    const { database, passwords } = server.engine.services;
    for (const name of names)
      await database.run({
        text: "insert into tb_users (username, password) values (?, ?)",
        values: [name, passwords.seal(`${name}-sample`)],
      });
  };

  before(async () => {
    server = await startTestServer(await fresh(), { TBAPI_MAXNUMBERS: "5", TBAPI_MAXOFFMESSAGES: "1000" });
  });
  after(() => server.stop());
  beforeEach(() => restoreSample(server.engine.services.database, [ADMIN.username]));

  test("each message is delivered once, whichever of a user's phones asks first", async () => {
    const sent = await times(30, (index) => server.get("sendim", as("alice", { bnum: "bob", txt: `m${index}` })));
    assert.deepEqual(new Set(sent), new Set(["OK: the message waits for bob"]));
    const answers = await times(20, () => server.get("presence_set", as("bob", { pstatus: "Online" })));
    const texts = Array.from({ length: 30 }, (_, index) => `alice:m${index}`);
    assert.deepEqual(messagesOf(answers).sort(), texts.sort());
    assert.equal(await count("select count(*) from tb_offmessages"), 0);
  });

  test("no message is lost or doubled that is sent while others are delivered", async () => {
    const delivered: string[] = [];
    let sending = true;
    const take = async () => {
      do {
        const answer = await server.get("presence_set", as("bob", { pstatus: "Online" }));
        assert.match(answer, /^OK: Online/);
        delivered.push(...messagesOf([answer]));
      } while (sending);
    };
    const takers = [take(), take()];
    const senders = ["alice", "erin", "carol"];
    const answers = await times(60, (index) =>
      server.get("sendim", as(senders[index % 3] ?? "", { buserlist: "bob,rita", txt: `m${index}` })),
    );
    assert.deepEqual(new Set(answers), new Set(["OK: the message waits for bob, rita"]));
    sending = false;
    await Promise.all(takers);
    delivered.push(...messagesOf([await server.get("presence_set", as("bob", { pstatus: "Online" }))]));
    const texts = Array.from({ length: 60 }, (_, index) => `${senders[index % 3]}:m${index}`);
    assert.deepEqual(delivered.sort(), texts.sort());
    assert.equal(await count("select count(*) from tb_offmessages where touser = 1010"), 60);
  });

  test("messages over a TCP line keep to one line", async () => {
    await server.get("sendim", as("alice", { bnum: "bob", txt: "two\nlines" }));
    const query = new URLSearchParams({ apientry: "presence_set", pstatus: "Online", ...as("bob") });
    const socket = connect(server.running.ports.port, "127.0.0.1");
    socket.end(`/mvapireq/?${query}\r\n`);
    assert.equal(await text(socket), "OK: Online XOFFMESSAGE:alice:two linesXOFFMESSAGE:\n");
  });

  test("the room that a user asks for twenty times at once is one, and twenty users have twenty", async () => {
    const own = await times(20, () => server.get("getconfroom", as("alice", { target: "bob" })));
    assert.deepEqual([...new Set(own)], ["OK: conference room: 801001 usr: exists"]);
    const names = Array.from({ length: 20 }, (_, index) => `guest${index}`);
    await addUsers(names);
    const rooms = await Promise.all(names.map((name) => server.get("getconfroom", as(name))));
    for (const answer of rooms) assert.match(answer, /^OK: conference room: 80\d+ usr: exists$/);
    assert.equal(new Set(rooms).size, 20);
  });

  test("a number that several users add at once belongs to one of them", async () => {
    const users = ["alice", "bob", "carol", "erin"];
    const answers = await times(20, (index) => server.get("cli", as(users[index % 4] ?? "", { anum: "36301112222" })));
    const owner = await count("select userid from tb_pinless where number = '36301112222'");
    assert.equal(await count("select count(*) from tb_pinless"), 1);
    for (const [index, answer] of answers.entries())
      assert.match(answer, [1001, 1002, 1003, 1005][index % 4] === owner ? /^OK: / : /^ERROR: conflict: /);
  });

  for (const [entry, table] of [
    ["cli", "tb_pinless"],
    ["addcallbacknumber", "tb_callbacknumbers"],
  ] as const)
    test(`${entry}: of twenty numbers at once as many are kept as an account may have`, async () => {
      const answers = await times(20, (index) => server.get(entry, as("alice", { anum: `3630111${1000 + index}` })));
      assert.equal(answers.filter((answer) => answer.startsWith("OK: ")).length, 5);
      assert.equal(await count(`select count(*) from ${table} where userid = 1001`), 5);
    });

  test("a name that clients would take for a failure or for two is no presence", async () => {
    for (const pstatus of ["Error", "no ERROR here", "a,b", "a:b", "a\nb", "x".repeat(41)])
      assert.match(
        await server.get("presence_set", as("bob", { pstatus })),
        /^ERROR: wrong parameter: pstatus /,
        pstatus,
      );
  });

  test("what a user says, what the phone does, and which is older decide how the user is seen", async () => {
    const cases: [said: string | null, saidDaysAgo: number, status: number, phoneDaysAgo: number, seen: string][] = [
      [null, 0, 0, 0, "1 offline"],
      [null, 0, 1, 0, "2 online"],
      [null, 0, 2, 1, "1 offline"],
      [null, 0, 3, 0, "3 callsetup"],
      [null, 0, 4, 0, "4 speaking"],
      [null, 0, 4, 1, "1 offline"],
      ["Away", 0, 0, 0, "2 Away"],
      ["Away", 1, 0, 0, "1 offline"],
      ["Away", 1, 2, 0, "2 online"],
      ["DND", 0, 2, 0, "2 DND"],
      ["DND", 0, 4, 0, "4 speaking"],
      ["Invisible", 0, 4, 0, "1 offline"],
      ["Offline", 0, 2, 0, "1 offline"],
    ];
    const { database } = server.engine.services;
    const daysAgo = (days: number) =>
      new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 19).replace("T", " ");
    for (const [said, saidDaysAgo, status, phoneDaysAgo, seen] of cases) {
      await database.run({ text: "delete from tb_presence", values: [] });
      if (said !== null)
        await database.run({
          text: "insert into tb_presence (userid, pstatus, datum) values (1002, ?, ?)",
          values: [said, daysAgo(saidDaysAgo)],
        });
      await database.run({
        text: "update tb_users set status = ?, statusdate = ? where id = 1002",
        values: [status, daysAgo(phoneDaysAgo)],
      });
      const [, number] = (await server.get("verifyuser", as("alice", { userusername: "bob" }))).split(": ");
      const [, , word] = (await server.get("presence_get", as("alice", { userlist: "bob" }))).split(": ");
      assert.equal(
        `${number} ${word?.replace("bob:", "")}`,
        seen,
        JSON.stringify([said, saidDaysAgo, status, phoneDaysAgo]),
      );
    }
  });
});
