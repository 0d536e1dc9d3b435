/** Recordings: who gets which, by what they are found, as which files; and what the table says of them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { partOf, textOfPart } from "../engine/files/names.js";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, type Params, startTestServer, type TestServer } from "./server.js";

const CALL_1 = "sample-1@192.0.2.1";
const AT = "%40192.0.2.1";

/** So many seconds of a tone, 8000 samples a second. */
function wave(seconds: number): Buffer {
  const samples = Buffer.from(Array.from({ length: 8000 * seconds }, (_, at) => 128 + 90 * Math.sin(at / 3)));
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write("WAVEfmt ", 8);
  for (const [at, value] of [
    [16, 16],
    [24, 8000],
    [28, 8000],
    [40, samples.length],
  ] as const)
    head.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 1],
    [34, 8],
  ] as const)
    head.writeUInt16LE(value, at);
  head.write("data", 36);
  return Buffer.concat([head, samples]);
}

/** Names and stored bytes of a zip whose files are not packed, by its central directory. */
function unzipped(zip: Buffer): Map<string, Buffer> {
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06"));
  const files = new Map<string, Buffer>();
  for (let at = zip.readUInt32LE(end + 16), left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [size, name, extra, comment] = [zip.readUInt32LE(at + 24), 28, 30, 32].map((it, index) =>
      index === 0 ? it : zip.readUInt16LE(at + it),
    ) as [number, number, number, number];
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    files.set(zip.toString("utf8", at + 46, at + 46 + name), zip.subarray(start, start + size));
    at += 46 + name + extra + comment;
  }
  return files;
}

const canConvert = ["lame", "ffmpeg"].some((program) => {
  try {
    execFileSync("which", [program]);
    return true;
  } catch {
    return false;
  }
});
const skip = canConvert ? false : "neither lame nor ffmpeg is installed";

test("any Call-ID has a file name of its own, which is one plain part and tells it again", () =>
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (callId) => {
      const part = partOf(callId);
      assert.match(part, /^[\w%-]([\w.%-]*[\w%-])?$/);
      assert.equal(textOfPart(part), callId);
    }),
  ));

eachDatabase("recordings", (fresh) => {
  let server: TestServer;
  const day = () => new Date(Date.now() - 43_200_000).toISOString().slice(0, 10);
  const place = async (name: string, bytes: Buffer) => {
    const path = join(server.folder, "files/recordings", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  };
  async function load(user: string, params: Params) {
    const query = new URLSearchParams({ apientry: "voicerecdownload", ...as(user, params) });
    const response = await fetch(`${server.url}/mvapireq/?${query}`);
    const body = Buffer.from(await response.arrayBuffer());
    const { headers } = response;
    return {
      type: headers.get("content-type"),
      length: Number(headers.get("content-length")),
      body,
      text: String(body),
      headers,
    };
  }
  const names = async (user: string, params: Params) => [
    ...unzipped((await load(user, { format: "4", ...params })).body).keys(),
  ];

  const temporary = process.env["TMPDIR"];
  before(async () => {
    server = await startTestServer(await fresh());
    process.env["TMPDIR"] = join(server.folder, "tmp");
    await mkdir(tmpdir());
    await place(`sample-1${AT}.wav`, wave(1));
    // Call-IDs that could be more than a name
    await server.get(
      "db",
      as(ADMIN.username, {
        sql: `insert into tb_cdrs (datum, sipcallid, callerid, calledid, callernumber, callednumber) values
          (getdate() - 0.5, '../../x', 1005, 0, '1005', '361'), (getdate() - 0.5, 'a/b:c?@h', 1005, 0, '1005', '362')`,
      }),
    );
    await place(`${day()}/sample-2${AT}.wav`, wave(2));
    await place(`${day()}/${partOf("../../x")}.wav`, wave(1));
    await place(`${partOf("a/b:c?@h")}.wav`, wave(1));
    await place(`sample-3${AT}.wav`, wave(3));
  });
  after(async () => {
    if (temporary === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = temporary;
    await server.stop();
  });

  for (const [title, user, params, expected] of [
    [
      "a user has the own calls, also those that came in",
      "alice",
      {},
      [/3612345678/, /36301234567/, /1002_36301112222/],
    ],
    ["a user who called one", "bob", {}, [/1002_36301112222/]],
    ["a reseller has those of the users too", "rita", {}, [/1002_36301112222/]],
    ["another user has none of them", "erin", {}, [/1005_36[12]/, /1005_36[12]/]],
    ["an administrator has all, and may narrow them to one user", "admin", { userid: "1002" }, [/1002_/]],
    ["by the users of a reseller", "admin", { parentuserid: "1010" }, [/1002_/]],
    ["by who called: a number", "admin", { caller: "1002" }, [/1002_/]],
    ["by who called: a name", "admin", { caller: "bob" }, [/1002_/]],
    ["by who was called: an id", "admin", { called: "1001" }, [/1002_/]],
    ["by who was called: a number", "admin", { called: "3612345678" }, [/3612345678/]],
    ["by time", "alice", { days: "1" }, [/3612345678/, /36301234567/]],
    ["no more than so many, the latest", "alice", { maxrecords: "1" }, [/3612345678/]],
  ] as [string, string, Params, RegExp[]][])
    test(`${title}: ${user}`, async () => {
      const found = await names(user === "admin" ? ADMIN.username : user, params);
      assert.equal(found.length, expected.length, found.join());
      for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? "", pattern);
      assert.ok(found.every((name) => /^[\w+-]+\.wav$/.test(name)));
    });

  for (const [title, user, params, expected] of [
    [
      "an own call that was not recorded",
      "alice",
      { called: "447700900123" },
      /^ERROR: not found: none of the 1 latest/,
    ],
    ["a call of somebody else by its id", "erin", { cdrid: "1" }, /^ERROR: not found: no call of yours fits$/],
    ["a user's id does not widen what one has", "erin", { userid: "1001" }, /^ERROR: not found: no call of yours/],
    ["an order is no number of days", "alice", { days: "1; drop table tb_cdrs" }, /^ERROR: wrong parameter: days/],
    ["a time that is none", "alice", { fromdt: "2026-13-45" }, /^ERROR: wrong parameter: fromdt must be a time/],
    ["a time before the first call", "alice", { todt: "2001-01-01" }, /^ERROR: not found: no call/],
    ["a quote is a quote", "alice", { callid: "' or '1'='1" }, /^ERROR: not found: no call/],
  ] as [string, string, Params, RegExp][])
    test(`${title} answers a failure`, async () =>
      assert.match((await load(user, { format: "2", ...params })).text, expected));

  test("one recording goes out as it is, as audio, also to who asks in XML", async () => {
    const { type, length, body, headers } = await load("alice", { callid: CALL_1, format: "2" });
    assert.deepEqual([type, length], ["audio/wav", wave(1).length]);
    assert.ok(body.equals(wave(1)));
    assert.match(
      headers.get("content-disposition") ?? "",
      /filename="\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_36301112222_3612345678_\d+\.wav"/,
    );
    const failed = await load("alice", { callid: "nosuch", format: "xml" });
    assert.match(failed.text, /<code>499<\/code><status>ERROR<\/status>/);
  });

  test("a zip is as long as it was said to be, and its files are the recordings", async () => {
    const { type, length, body } = await load("alice", { format: "4" });
    assert.deepEqual([type, length], ["application/zip", body.length]);
    const sizes = [...unzipped(body).values()].map(({ length: size }) => size);
    assert.deepEqual(sizes, [wave(1).length, wave(2).length, wave(3).length]);
  });

  test("wave becomes mp3 and mp3 wave; what was converted is not left behind", { skip }, async () => {
    const mp3 = await load("alice", { callid: CALL_1, format: "1" });
    assert.deepEqual([mp3.type, mp3.length], ["audio/mpeg", mp3.body.length]);
    assert.ok(mp3.body.length > 500 && mp3.body.length < wave(1).length, String(mp3.text));
    const asXml = await load("alice", { callid: CALL_1, format: "xml" });
    assert.equal(asXml.type, "audio/mpeg");
    const zip = unzipped((await load("alice", { format: "3" })).body);
    assert.equal(zip.size, 3);
    assert.ok([...zip.keys()].every((name) => name.endsWith(".mp3")));
    await place(`sample-5${AT}.mp3`, mp3.body);
    const back = await load("alice", { called: "447700900123", format: "2" });
    assert.match(back.text, /^RIFF.{4}WAVE/s);
    await rm(join(server.folder, `files/recordings/sample-5${AT}.mp3`));
    while ((await readdir(tmpdir())).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  test("audio that is none, and a server that can't convert, are told", { skip }, async (t) => {
    await place(`sample-5${AT}.wav`, Buffer.from("RIFF nothing"));
    t.after(() => rm(join(server.folder, `files/recordings/sample-5${AT}.wav`)));
    const broken = await load("alice", { called: "447700900123", format: "1" });
    assert.match(broken.text, /^ERROR: failed: a recording can't be converted to mp3/);
    const path = process.env["PATH"];
    t.after(() => {
      process.env["PATH"] = path;
    });
    process.env["PATH"] = "/nowhere";
    const without = await load("alice", { callid: CALL_1, format: "1" });
    assert.equal(without.text, "ERROR: not configured: install lame or ffmpeg on the server to convert recordings");
  });

  test("the table says what lies in the folder, each time anew", async () => {
    const sync = () => server.get("syncmedia", as(ADMIN.username));
    await place("unknown.wav", wave(1));
    await place("notes.txt", Buffer.from("no recording"));
    await place(`2020-01-01/${partOf("old@h")}.mp3`, Buffer.from("x"));
    assert.equal(await sync(), "OK: 7 recordings: 5 of known calls, 2 of none; 0 have gone");
    await rm(join(server.folder, "files/recordings/unknown.wav"));
    await server.get(
      "db",
      as(ADMIN.username, { sql: "insert into tb_cdrs (sipcallid, callerid) values ('old@h', 1001)" }),
    );
    assert.equal(await sync(), "OK: 6 recordings: 6 of known calls, 0 of none; 1 have gone");
    const { rows } = await server.json(
      "db",
      as(ADMIN.username, { sql: "select file, size from tb_recordings where cdrid = 1" }),
    );
    assert.deepEqual(rows, [{ file: `sample-1${AT}.wav`, size: wave(1).length }]);
  });
});
