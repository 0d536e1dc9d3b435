/** The old interface under /xmapi/: its answers, its statuses, and who may send what, on a real server. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { OLD_COMMANDS } from "../engine/old-api/table.js";
import { eachDatabase, restoreSample } from "./databases.js";
import { ADMIN, KEY, startTestServer, type TestServer } from "./server.js";
import { connect, exchange, request } from "./wire-server.js";

/** What is sent, the status under httpstrictresponse, and the body. */
const CASES = [
  [`balance?key=${KEY}&username=alice&password=alice-sample&now`, 200, /^Your credit is \$10$/],
  [`balance?key=${KEY}&alice%20alice-sample%20now`, 200, /^Your credit is \$10$/],
  [`balance?key=${KEY}&pincode=4711&now`, 200, /^Your credit is \$5$/],
  [`rating?key=${KEY}&4711%20+36301234567%20now`, 200, /^0\.03 USD, Destination: Hungary$/],
  [`charge?key=${KEY}&alice%20alice-sample%20100000000025`, 200, /^OK$/],
  [`addcredit?key=${KEY}&4711%20100000000025`, 200, /^OK$/],
  [`addcredit?key=${KEY}&username=bob&credit=5&now`, 200, /^OK$/],
  [`adduser?key=${KEY}&username=newcomer&password=some-password&currency=USD&now`, 200, /^OK$/],
  [`cli?key=${KEY}&alice%20alice-sample%20+36303334444`, 200, /^OK$/],
  [`cli?key=${KEY}&username=alice&password=alice-sample&number=36303334444&now`, 200, /^OK$/],
  [`balance?key=wrong&username=alice&password=alice-sample&now`, 403, /^ERROR:auth failed: wrong key/],
  [`balance?key=${KEY}&username=alice&password=wrong&now`, 403, /^ERROR:auth failed: wrong user or password$/],
  [`balance?key=${KEY}&pincode=9999&now`, 420, /^ERROR:auth failed: wrong user or password$/],
  [`charge?key=${KEY}&alice%20alice-sample%20999999999999`, 420, /^ERROR:not found: this PIN /],
  [`charge?key=${KEY}&username=alice&password=alice-sample&now`, 420, /^ERROR:wrong parameter: pin /],
  [`rating?key=${KEY}&username=alice&password=alice-sample&now`, 421, /^ERROR:wrong parameter: bnum /],
  [`addcredit?key=${KEY}&username=nobody&credit=5&now`, 404, /^ERROR:not found: no user of that name/],
  [`adduser?key=${KEY}&username=bob&password=some-password&now`, 412, /^ERROR:conflict: /],
  [`nosuch?key=${KEY}&now`, 406, /^ERROR:unknown entry: nosuch is no command of the old interface$/],
] as const;

eachDatabase("the old interface", (fresh) => {
  let server: TestServer;
  let port: number;
  before(async () => {
    server = await startTestServer(await fresh(), {
      TBAPI_HTTPSTRICTRESPONSE: "1",
      TBAPI_HTTPAPIALLOWEDIP2: "198.51.100.7",
      TBAPI_LIMITLOGIN: "1000",
    });
    port = server.running.ports.port;
  });
  beforeEach(async () => {
    const { database, rates, passwords } = server.engine.services;
    await restoreSample(database, [ADMIN.username]);
    await rates.refresh(true);
    await database.run({
      text: "update tb_users set pin = ?, pinhash = ? where username = 'bob'",
      values: [passwords.seal("4711"), passwords.pinHash("4711")],
    });
  });
  after(() => server.stop());

  for (const [sent, status, body] of CASES)
    test(`${sent.replaceAll("%20", " ")} → ${status}`, async () => {
      const answer = await request(port, { path: `/xmapi/${sent}` });
      assert.match(answer.body, body);
      assert.equal(answer.status, status);
    });

  test("a line has the same form, with its words as they are", async () => {
    const socket = connect(port);
    const answer = exchange(socket, [`/xmapi/balance?key=${KEY}&alice alice-sample now\r\n`]);
    socket.end();
    assert.equal(await answer, "Your credit is $10\n");
  });

  const from = async (address: string, target: string): Promise<string> => {
    const peer = { transport: "http", address, forwarded: false, connection: "test" } as const;
    const answer = await server.engine.handle({ peer, target, body: Buffer.alloc(0), contentType: "" });
    return answer.body.toString();
  };

  for (const [address, target, expected] of [
    ["198.51.100.7", `/xmapi/addcredit?key=${KEY}&username=bob&credit=5&now`, /^OK$/],
    ["198.51.100.8", `/xmapi/addcredit?key=${KEY}&username=bob&credit=5&now`, /^ERROR:access denied: this address /],
    ["198.51.100.7", "/xmapi/addcredit?key=wrong&username=bob&credit=5&now", /^ERROR:auth failed: /],
    ["198.51.100.7", `/xmapi/adduser?key=${KEY}&username=other&now`, /^OK$/],
    [
      "198.51.100.7",
      `/mvapireq/?apientry=addcredit&authkey=${KEY}&pin=bob&credit=5`,
      /^ERROR: access denied: this address /,
    ],
    ["198.51.100.7", `/xmapi/balance?key=${KEY}&targetuser=bob`, /^ERROR:auth failed: /],
  ] as const)
    test(`${target} from ${address} → ${expected}`, async () => assert.match(await from(address, target), expected));

  test("each command is an entry, and its words and names are parameters of it", () => {
    const { entries } = server.engine.services.registry.current;
    const isKnown = (entry: string, word: string): boolean =>
      /^(auth|pincode$)/.test(word) ||
      entries.get(entry)?.params.some(({ name, aliases }) => name === word || aliases.includes(word)) === true;
    for (const [command, { entry, names = {}, forms = [] }] of OLD_COMMANDS) {
      const asNames = { entry, words: Object.values(names) };
      for (const form of [asNames, ...forms])
        for (const word of form.words) assert.ok(isKnown(form.entry ?? entry, word), `${command}: ${word}`);
    }
  });
});
