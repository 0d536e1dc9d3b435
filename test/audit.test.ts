/** The record of changes: who, what, from where, with no secret in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eachDatabase } from "./databases.js";
import { ADMIN, as, KEY, type Params, startTestServer } from "./server.js";
import { rowsOf, settled } from "./sms-server.js";

const CASES: [title: string, entry: string, params: Params, record: string][] = [
  ["a PIN", "charge", as("alice", { pin: "100000000025" }), "alice credits: 25 added by a PIN"],
  [
    "credit for another",
    "transfercredit",
    as("alice", { username: "bob", credit: "2.5" }),
    "alice credits: 2.5 sent to bob",
  ],
  [
    "a password of the fast registration",
    "setfastregpwd",
    as(ADMIN.username, { username: "alice", password: "s3cret-Fast" }),
    "admin users: password of the fast registration of alice set",
  ],
  [
    "a server",
    "addserver",
    as(ADMIN.username, { u_name: "upper", u_domain: "sip.example.com", u_type: "9", u_password: "s3cret-Upper" }),
    "admin users: upper added",
  ],
  [
    "a statement of a row",
    "rename",
    as("alice", { txt: "s3cret-Name" }),
    "alice users: changed by the statement of this entry",
  ],
  [
    "one that is carried out later",
    "later",
    as("alice", { txt: "s3cret-Name" }),
    "alice users: changed by the statement of this entry",
  ],
];

eachDatabase("audit", (fresh) => {
  test("changes of users and credits are recorded, once and without values", async (t) => {
    const server = await startTestServer(await fresh());
    t.after(() => server.stop());
    await rowsOf(
      server,
      `insert into tb_api (fname, req_user, customsql) values
        ('rename', 12, '*update tb_users set name = {txt}, comment = ''s3cret'' where id = [USERID]'),
        ('later', 12, 'update tb_users set name = {txt} where id = [USERID]'),
        ('other', 12, 'insert into tb_offmessages (fromuser, touser, body) values (1, 1, {txt})'),
        ('fails', 12, '*insert into tb_users (id, username) values ([USERID], {txt})')`,
    );
    await server.get("apireload", as(ADMIN.username));
    await rowsOf(server, "delete from tb_audit");
    for (const [title, entry, params, record] of CASES) {
      assert.match(await server.get(entry, params), /^OK/, title);
      const rows = await rowsOf(server, "select username, address, what, detail from tb_audit");
      assert.deepEqual(
        rows.map((row) => `${row["username"]} ${row["what"]}: ${row["detail"]}`),
        [record],
        title,
      );
      assert.equal(rows[0]?.["address"], "127.0.0.1");
      await rowsOf(server, "delete from tb_audit");
    }
    for (const [entry, params] of [
      ["other", as("alice", { txt: "x" })],
      ["fails", as("alice", { txt: "x" })],
      ["balance", as("alice")],
      ["charge", as("alice", { pin: "100000000025" })],
      ["charge", { authkey: KEY, pin: "1" }],
    ] as [string, Params][])
      await server.get(entry, params);
    await settled(server);
    assert.deepEqual(await rowsOf(server, "select what from tb_audit"), []);
  });
});
