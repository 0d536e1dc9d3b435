/** Call records out of log files, in the forms in which they come. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { recordsOf } from "../engine/calllog/records.js";
import { ApiError } from "../engine/errors.js";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, startTestServer, type TestServer } from "./server.js";

async function read(text: string | Buffer) {
  const records = [];
  for await (const { line, fields } of recordsOf(async () => Readable.from([text], { objectMode: false })))
    records.push([line, fields === undefined ? undefined : Object.fromEntries(fields)]);
  return records;
}

for (const [title, text, expected] of [
  ["an empty file has no calls", "", []],
  ["names alone have none either", "a,b\n", []],
  ["commas", "A,b\n1,2\n", [[2, { a: "1", b: "2" }]]],
  ["semicolons, CR LF, a byte order mark, an empty line", "\ufeffa;b\r\n\r\n1;2\r\n", [[3, { a: "1", b: "2" }]]],
  ["quotes around what has a comma", 'a,b\n"1,5",2\n', [[2, { a: "1,5", b: "2" }]]],
  [
    "too few fields",
    "a,b\n1\n1,2\n",
    [
      [2, undefined],
      [3, { a: "1", b: "2" }],
    ],
  ],
  ["names with values", 'a=1 B="2 3", c=\n', [[1, { a: "1", b: "2 3", c: "" }]]],
  ["semicolons between them", "\na=1;b=2;\n", [[2, { a: "1", b: "2" }]]],
  [
    "something else between them",
    "a=1\na 1\n",
    [
      [1, { a: "1" }],
      [2, undefined],
    ],
  ],
] as const)
  test(title, async () => assert.deepEqual(await read(text), expected));

test("whatever bytes a file has, reading it comes to an end", () =>
  fc.assert(
    fc.asyncProperty(fc.string({ unit: fc.constantFrom(...'a1=,;"\n\r \\é\0') }), async (text) => {
      const records = await read(text).catch((cause: unknown) => {
        assert.ok(cause instanceof ApiError, String(cause));
        return [];
      });
      assert.ok(records.length <= text.length);
    }),
    { numRuns: 300 },
  ));

eachDatabase("logs of calls", (fresh) => {
  let server: TestServer;
  const ask = (logfile: string) => server.get("parsegsmcdr", as(ADMIN.username, { logfile }));
  const place = (name: string, data: string | Buffer) => writeFile(join(server.folder, "files", name), data);
  const count = async () => {
    const { rows } = await server.engine.services.database.run({
      text: "select count(*) as n from tb_cdrs",
      values: [],
    });
    return Number(rows[0]?.["n"]);
  };
  before(async () => {
    server = await startTestServer(await fresh());
    await mkdir(join(server.folder, "files"));
  });
  after(() => server.stop());

  test("many calls are added once, also by requests at the same time", async () => {
    const lines = Array.from({ length: 1000 }, (_, at) => `2026-01-31 12:00:00,call-${at},${at % 7}`);
    await place("many.csv", ["datum,sipcallid,duration", ...lines, lines[0]].join("\n"));
    const there = await count();
    const answers = await Promise.all([ask("many.csv"), ask("many.csv")]);
    assert.deepEqual(answers.sort(), [
      "OK: 1001 lines: 0 added, 1001 known already, 0 unreadable",
      "OK: 1001 lines: 1000 added, 1 known already, 0 unreadable",
    ]);
    assert.equal(await count(), there + 1000);
  });

  for (const [title, line] of [
    ["no Call-ID", "2026-01-31 12:00:00,,1,0"],
    ["no time", ",x,1,0"],
    ["a time that is none", "2026-13-31 12:00:00,x,1,0"],
    ["a day that there is not", "2026-02-30 12:00:00,x,1,0"],
    ["a duration below nothing", "2026-01-31 12:00:00,x,-60,0"],
    ["a duration that is none", "2026-01-31 12:00:00,x,1e3,0"],
    ["a cost that is none", "2026-01-31 12:00:00,x,1,1.1234567"],
    ["a Call-ID longer than its column", `2026-01-31 12:00:00,${"x".repeat(129)},1,0`],
  ])
    test(`${title} makes a line unreadable, and the next one is read`, async () => {
      const good = `2026-01-31 12:00:00,${randomBytes(8).toString("hex")}',1,0.5`;
      await place("bad.csv", `datum,sipcallid,duration,cost\n${line}\n${good}\n`);
      assert.equal(await ask("bad.csv"), "OK: 2 lines: 1 added, 0 known already, 1 unreadable, the first is line 2");
    });

  test("a quote that is not closed is told, and nothing is added", async () => {
    const there = await count();
    await place("open.csv", `datum,sipcallid\n2026-01-31 12:00:00,fine\n2026-01-31 12:00:00,"open\n`);
    assert.match(await ask("open.csv"), /^ERROR: failed: the log is no CSV from line \d on: is a quote not closed\?$/);
    assert.equal(await count(), there);
  });

  test("what is no log adds nothing", async () => {
    await place("noise.csv", randomBytes(100_000));
    assert.match(await ask("noise.csv"), /^OK: \d+ lines: 0 added, 0 known already|^ERROR: failed: /);
  });
});
