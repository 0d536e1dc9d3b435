/** A phone number of the free pool has one owner, whoever asks at the same time. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { eachDatabase, restoreSample } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

const USERS = ["alice", "bob", "carol", "erin"];

eachDatabase("phone numbers", (fresh) => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer(await fresh(), { TBAPI_PHONENUMBERLIMIT: "3" });
  });
  after(() => server.stop());
  beforeEach(() => restoreSample(server.engine.services.database, [ADMIN.username]));

  const run = async (text: string) => (await server.engine.services.database.run({ text, values: [] })).rows;
  const lock = (user: string, num: string) => server.get("lockphonenumber", as(user, { num }));
  const taken = (answers: string[]) => answers.filter((answer) => answer.startsWith("OK: "));

  test("twenty ask for one number: one of them gets it", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => lock(USERS[index % USERS.length] ?? "", "3617000001")),
    );
    assert.equal(taken(answers).length, 1);
    const [row] = await run("select free, location from tb_phonenumbers where number = '3617000001'");
    assert.equal(row?.["free"], 0);
    assert.ok([1001, 1002, 1003, 1005].includes(Number(row?.["location"])));
  });

  test("one account asks for ten numbers at once: it gets as many as it may hold", async () => {
    const numbers = Array.from({ length: 10 }, (_, index) => `361800000${index}`);
    for (const number of numbers) await run(`insert into tb_phonenumbers (number, free) values ('${number}', 1)`);
    const answers = await Promise.all(numbers.map((number) => lock("bob", number)));
    assert.equal(taken(answers).length, 3);
    assert.deepEqual(await run("select count(*) as held from tb_phonenumbers where location = 1002"), [{ held: 3 }]);
  });
});
