/** Who a request's credentials are: by name, number or PIN, for whom they act, and on the console. On both databases. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { Database, Statement } from "../engine/database/database.js";
import type { AccessRule } from "../engine/registry/entry.js";
import type { Peer } from "../engine/request.js";
import { StoredSettings } from "../engine/settings-store.js";
import { clear, eachBench, entryOf, LOOP, NET, outcome, passwords, request, WRONG } from "./admission.js";
import { KEY } from "./server.js";

/** Notes what is sent to a real database. */
function noting(database: Database): { database: Database; sent: string[] } {
  const sent: string[] = [];
  const recorded = (name: "run" | "lookUp") => ({
    value: (statement: Statement) => {
      sent.push(statement.text);
      return database[name](statement);
    },
  });
  const noted: Database = Object.create(database, { run: recorded("run"), lookUp: recorded("lookUp") });
  return { database: noted, sent };
}

eachBench("admission", (bench) => {
  describe("a login", () => {
    test("takes one statement", async () => {
      const counted = noting(bench.database);
      const admission = await bench.server({}, counted.database);
      await bench.run("update tb_users set password = ? where username = 'alice'", passwords.seal("alice-sample"));
      counted.sent.length = 0;
      const caller = await admission.admit(request(clear("alice")), entryOf());
      assert.equal(counted.sent.length, 1);
      assert.equal(caller.fields["email"], "alice@example.com");
      assert.deepEqual(
        Object.keys(caller.fields).filter((name) => ["password", "pin", "pinhash"].includes(name)),
        [],
      );
    });

    test("that is wrong takes as many statements for a known name as for an unknown one", async () => {
      const counted = noting(bench.database);
      const admission = await bench.server({}, counted.database);
      const attempts: string[][] = [];
      for (const name of ["alice", "stranger"]) {
        counted.sent.length = 0;
        assert.equal(await outcome(admission.admit(request(clear(name, "wrong")), entryOf())), WRONG);
        attempts.push([...counted.sent]);
      }
      assert.deepEqual(attempts[0], attempts[1]);
    });

    test("seals the clear password and PIN that another system left, once", async () => {
      await bench.run("update tb_users set pin = '123456' where username = 'alice'");
      const admission = await bench.server();
      await Promise.all([1, 2, 3].map(() => admission.admit(request(clear("alice")), entryOf())));
      await admission.close();
      const [row] = (await bench.run("select password, pin, pinhash from tb_users where username = 'alice'")).rows;
      assert.equal(passwords.open(String(row?.["password"])), "alice-sample");
      assert.ok(passwords.isSealed(String(row?.["password"])) && passwords.isSealed(String(row?.["pin"])));
      assert.equal(row?.["pinhash"], passwords.pinHash("123456"));
      assert.equal(await outcome(admission.admit(request(clear("alice")), entryOf())), "alice");
    });

    test("by number, by a name that one account has, and never by what two accounts fit", async () => {
      await bench.run(
        "update tb_users set name = 'Front Desk', telnumber = '36301112222', password = 'same' where id in (1001, 1002)",
      );
      await bench.run("update tb_users set telnumber = '' where id = 1002");
      const admission = await bench.server();
      const by = (name: string) => outcome(admission.admit(request(clear(name, "same")), entryOf()));
      assert.equal(await by("36301112222"), "alice");
      assert.equal(await by("1002"), "bob");
      assert.equal(await by("Front Desk"), WRONG);
      await bench.run("update tb_users set password = 'other' where id = 1002");
      assert.equal(await by("Front Desk"), "alice");
      assert.equal(await by("1002abc"), WRONG);
    });

    test("over UDP never stands on an address, nor bans one", async () => {
      const admission = await bench.server({ banafter: "2", trustediplist: NET.address });
      const udp: Peer = { ...NET, transport: "udp" };
      const trunk = { authid: "trunk1" };
      assert.equal(
        await outcome(admission.admit(request(trunk, { ...NET, address: "192.0.2.10" }), entryOf())),
        "trunk1",
      );
      assert.equal(await outcome(admission.admit(request(trunk, { ...udp, address: "192.0.2.10" }), entryOf())), WRONG);
      assert.equal(await outcome(admission.admit(request({}, NET), entryOf({ user: 6 }))), "trusted");
      assert.equal(await outcome(admission.admit(request({}, udp), entryOf({ user: 6 }))), WRONG);
      for (const name of ["a", "b", "c"]) await outcome(admission.admit(request(clear(name, "x"), udp), entryOf()));
      assert.equal(await outcome(admission.admit(request(clear("alice")), entryOf())), "alice");
    });
  });

  describe("a PIN", () => {
    beforeEach(() =>
      bench.run(
        "update tb_users set pin = ?, pinhash = ? where username in ('alice', 'sam')",
        passwords.seal("123456"),
        passwords.pinHash("123456"),
      ),
    );
    const alone = entryOf({ mode: 4 });

    test("stands for the password where the entry allows that", async () => {
      const admission = await bench.server();
      const ask = (mode: AccessRule["mode"]) =>
        outcome(admission.admit(request(clear("alice", "123456")), entryOf({ mode })));
      assert.equal(await ask(2), "alice");
      assert.equal(await ask(6), WRONG);
    });

    test("alone is enough in mode 4 only, and never for the support", async () => {
      await bench.run("update tb_users set pin = null, pinhash = null where username = 'sam'");
      const admission = await bench.server();
      for (const params of [{ authid: "123456" }, { authpwd: "123456" }]) {
        assert.equal(await outcome(admission.admit(request(params), alone)), "alice");
        assert.equal(await outcome(admission.admit(request(params), entryOf())), WRONG);
      }
      await bench.run("update tb_users set pin = null, pinhash = null where username = 'alice'");
      await bench.run("update tb_users set pinhash = ? where username = 'sam'", passwords.pinHash("123456"));
      assert.equal(await outcome(admission.admit(request({ authid: "123456" }), alone)), WRONG);
    });

    test("can't be guessed: after some misses an address may only use names", async () => {
      await bench.run("update tb_users set pinhash = null where username = 'sam'");
      const admission = await bench.server({ limitlogin: "3" });
      const open = entryOf({ mode: 4, user: 14 });
      for (const guess of ["111111", "222222", "333333"])
        assert.equal(await outcome(admission.admit(request({ authid: guess }, LOOP), open)), "");
      assert.equal(await outcome(admission.admit(request({ authid: "123456" }, LOOP), open)), "");
      assert.equal(await outcome(admission.admit(request({ authid: "alice" }, LOOP), open)), "alice");
      assert.equal(await outcome(admission.admit(request({ authid: "123456" }, NET), open)), "alice");
    });
  });

  describe("acting for another user", () => {
    const act = async (who: string, targetuser: string, access: Partial<AccessRule> = {}) => {
      const admission = await bench.server();
      const admitted = admission.admit(request({ ...clear(who), targetuser }), entryOf(access));
      return outcome(
        admitted.then((caller) => ({ ...caller, username: `${caller.username} by ${caller.actingFor?.username}` })),
      );
    };
    beforeEach(() =>
      bench.run("insert into tb_users (username, password, type, rights) values ('root', 'root-sample', 15, 60)"),
    );

    for (const [title, who, target, expected] of [
      ["an administrator acts for anybody, also when switched off", "root", "dave", /^dave by root$/],
      ["an id will do", "root", "1001", /^alice by root$/],
      ["letters of either case will do", "root", "ALICE", /^alice by root$/],
      ["an unknown user is told", "root", "stranger", /^not found: no user of that name/],
      ["a reseller acts for an own user", "rita", "bob", /^bob by rita$/],
      ["a reseller can't tell another's user from an unknown one", "rita", "alice", /^not found: no user of that name/],
      ["the support acts for nobody", "sam", "alice", /^access denied: targetuser is for/],
      ["a user acts for nobody", "alice", "bob", /^access denied: targetuser is for/],
      ["oneself is nobody else", "alice", "Alice", /^alice by undefined$/],
    ] as const)
      test(title, async () => assert.match(await act(who, target), expected));

    test("the rule of the entry is held against who acts, credit and registration against the other", async () => {
      assert.equal(await act("root", "alice", { user: 6 }), "alice by root");
      assert.match(await act("rita", "bob", { user: 6 }), /^access denied: sample needs an administrator$/);
      assert.equal(await act("root", "alice", { credit: "10" }), "alice by root");
      assert.match(await act("root", "alice", { credit: "10.000001" }), /^no credit: /);
      assert.match(await act("root", "alice", { user: 11, register: 1 }), /^access denied: sample needs a phone/);
      assert.equal(await act("root", "erin", { user: 11, register: 1 }), "erin by root");
    });
  });

  describe("the settings", () => {
    test("an item that is no address stops the start, naming the option", () =>
      assert.rejects(
        bench.server({ trustediplist: "10.0.0.1, office" }),
        /option trustediplist: 'office' is no address/,
      ));

    test("are followed at once when they are read again, and a faulty item leaves those before in force", async () => {
      const settings = new StoredSettings(bench.database, new Map([["apiv2key", KEY]]));
      const admission = await bench.serverWith(settings);
      const trusted = () => outcome(admission.admit(request({}), entryOf({ user: 6 })));
      assert.equal(await trusted(), WRONG);
      await bench.run("insert into tb_settings (name, val) values ('trustediplist', ?)", NET.address);
      await settings.reload();
      assert.equal(await trusted(), "trusted");
      await bench.run("update tb_settings set val = 'office' where name = 'trustediplist'");
      await assert.rejects(settings.reload(), /trustediplist: 'office' is no address/);
      assert.equal(await trusted(), "trusted");
    });

    test("without a key no address is an administrator's", async () => {
      const admission = await bench.server({ apiv2key: "" });
      assert.equal(await outcome(admission.admit(request({}, LOOP), entryOf({ user: 6 }))), WRONG);
      assert.equal(await outcome(admission.admit(request(clear("alice")), entryOf())), "alice");
    });
  });

  describe("the console", () => {
    test("lets the support and administrators in with their password, and counts wrong ones", async () => {
      const admission = await bench.server({ limitlogin: "3" });
      assert.deepEqual(await admission.consoleLogin("SAM", "sam-sample", NET), { username: "sam" });
      for (const [name, password] of [
        ["sam", "wrong"],
        ["alice", "alice-sample"],
        ["stranger", ""],
        ["sam", ""],
        ["sam", "x"],
      ] as const)
        assert.equal(await admission.consoleLogin(name, password, NET), undefined);
      assert.equal(await admission.consoleLogin("sam", "sam-sample", NET), undefined);
      assert.deepEqual(await admission.consoleLogin("sam", "sam-sample", LOOP), { username: "sam" });
    });

    for (const [remoteadmin, allowed] of Object.entries({
      0: [],
      1: ["127.0.0.1", "::1"],
      3: ["127.0.0.1", "::1", "192.168.7.7", "203.0.113.1"],
      4: ["127.0.0.1", "::1", "192.168.7.7"],
      5: ["127.0.0.1", "::1", "192.168.7.7", "203.0.113.1", "198.51.100.7"],
    }))
      test(`remoteadmin ${remoteadmin} lets in ${allowed.join(", ") || "nobody"}`, async () => {
        const admission = await bench.server({ remoteadmin, trustediplist: "203.0.113.1" });
        const all = ["127.0.0.1", "::1", "192.168.7.7", "203.0.113.1", "198.51.100.7"];
        const peer = (host: string): Peer => ({ ...NET, transport: "console", address: host });
        assert.deepEqual(
          all.filter((host) => admission.consoleAllowed(peer(host))),
          allowed,
        );
      });
  });
});
