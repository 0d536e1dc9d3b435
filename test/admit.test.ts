/** What access keeps between requests: nonces, counters, bans, sealed passwords; and accounts by other names. On both databases. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { type Admission, makeAdmission } from "../engine/admit/admit.js";
import { makePasswords } from "../engine/admit/seal.js";
import type { Database, Statement } from "../engine/database/database.js";
import { migrate } from "../engine/database/migrate.js";
import { openDatabase } from "../engine/database/open.js";
import { ApiError } from "../engine/errors.js";
import { makeLog } from "../engine/log.js";
import type { AccessRule, Entry } from "../engine/registry/entry.js";
import type { ApiRequest, Caller, Peer } from "../engine/request.js";
import { StoredSettings } from "../engine/settings-store.js";
import { eachDatabase, restoreSample } from "./databases.js";
import { KEY, SALT } from "./server.js";

const log = makeLog("silent");
const passwords = makePasswords(Buffer.alloc(32, 7), log);
const md5 = (text: string): string => createHash("md5").update(text, "utf8").digest("hex");

const USER: AccessRule = {
  key: true,
  ip: false,
  user: 12,
  mode: 0,
  credit: null,
  register: null,
  login: null,
  console: false,
  limit: "common",
};

/** Access looks at no other part of an entry. */
const entryOf = (access: Partial<AccessRule> = {}): Entry =>
  ({ name: "sample", access: { ...USER, ...access }, callerFields: ["email"] }) as unknown as Entry;

const NET: Peer = { transport: "http", address: "198.51.100.7", forwarded: false, connection: "1" };
const LOOP: Peer = { ...NET, address: "127.0.0.1" };

const request = (params: Record<string, string>, peer: Peer = NET): ApiRequest => ({
  id: "1",
  entry: "sample",
  params: new Map(Object.entries({ authkey: KEY, ...params })),
  positional: [],
  peer,
  format: "text",
});

const clear = (authid: string, authpwd = `${authid}-sample`) => ({ authid, authpwd });
/** A v3 digest over the whole nonce, of which so many characters are sent. */
const withNonce = (name: string, nonce: string, sent = 10) => ({
  authid: name,
  authsalt1: "a",
  authsalt2: "b",
  nonce: nonce.slice(0, sent),
  authmd5: `authv3_${md5(`${md5(`tU29m${name}${name}-samplea`)}b${SALT}${nonce}`)}`,
});

/** What a refusal says, or the name of who was let in. */
const outcome = async (admitted: Promise<Caller>): Promise<string> =>
  admitted.then(
    (caller) => caller.username,
    (cause: unknown) => (cause instanceof ApiError ? cause.text : Promise.reject(cause)),
  );

const WRONG = "auth failed: wrong user or password";
const NEW_NONCE = /^new nonce is:([0-9a-f]{32})EOF$/;
const TOO_MANY = /^too many requests: try again in \d+ seconds$/;

/** Notes what is sent to a real database. */
function noting(database: Database): { database: Database; sent: string[] } {
  const sent: string[] = [];
  const noted: Database = Object.create(database, {
    run: {
      value: (statement: Statement) => {
        sent.push(statement.text);
        return database.run(statement);
      },
    },
  });
  return { database: noted, sent };
}

eachDatabase("admission", (fresh) => {
  let database: Database;
  let opened: Admission[];
  let time: number;

  before(async () => {
    const address = await fresh();
    await migrate(address);
    database = await openDatabase(address, { timeout: () => 5_000, log });
  });
  beforeEach(async () => {
    await restoreSample(database);
    await database.run({ text: "delete from tb_settings", values: [] });
    opened = [];
    time = Date.now();
  });
  afterEach(async () => {
    for (const admission of opened) await admission.close();
  });
  after(() => database.close());

  /** One server; its clock is `time`. */
  async function server(options: Record<string, string> = {}, on = database): Promise<Admission> {
    const settings = new StoredSettings(on, new Map(Object.entries({ apiv2key: KEY, apiv2md5salt: SALT, ...options })));
    const admission = makeAdmission({ database: on, settings, passwords, log, now: () => time });
    await admission.refresh();
    opened.push(admission);
    return admission;
  }
  const run = (text: string, ...values: (string | number)[]) => database.run({ text, values });
  const cell = async (text: string) => Object.values((await run(text)).rows[0] ?? {})[0];

  describe("a login", () => {
    test("takes one statement", async () => {
      const counted = noting(database);
      const admission = await server({}, counted.database);
      await run("update tb_users set password = ? where username = 'alice'", passwords.seal("alice-sample"));
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
      const counted = noting(database);
      const admission = await server({}, counted.database);
      const attempts: string[][] = [];
      for (const name of ["alice", "stranger"]) {
        counted.sent.length = 0;
        assert.equal(await outcome(admission.admit(request(clear(name, "wrong")), entryOf())), WRONG);
        attempts.push([...counted.sent]);
      }
      assert.deepEqual(attempts[0], attempts[1]);
    });

    test("seals the clear password and PIN that another system left, once", async () => {
      await run("update tb_users set pin = '123456' where username = 'alice'");
      const admission = await server();
      await Promise.all([1, 2, 3].map(() => admission.admit(request(clear("alice")), entryOf())));
      await admission.close();
      const [row] = (await run("select password, pin, pinhash from tb_users where username = 'alice'")).rows;
      assert.equal(passwords.open(String(row?.["password"])), "alice-sample");
      assert.ok(passwords.isSealed(String(row?.["password"])) && passwords.isSealed(String(row?.["pin"])));
      assert.equal(row?.["pinhash"], passwords.pinHash("123456"));
      assert.equal(await outcome(admission.admit(request(clear("alice")), entryOf())), "alice");
    });

    test("by number, by a name that one account has, and never by what two accounts fit", async () => {
      await run(
        "update tb_users set name = 'Front Desk', telnumber = '36301112222', password = 'same' where id in (1001, 1002)",
      );
      await run("update tb_users set telnumber = '' where id = 1002");
      const admission = await server();
      const by = (name: string) => outcome(admission.admit(request(clear(name, "same")), entryOf()));
      assert.equal(await by("36301112222"), "alice");
      assert.equal(await by("1002"), "bob");
      assert.equal(await by("Front Desk"), WRONG);
      await run("update tb_users set password = 'other' where id = 1002");
      assert.equal(await by("Front Desk"), "alice");
      assert.equal(await by("1002abc"), WRONG);
    });

    test("over UDP never stands on an address, nor bans one", async () => {
      const admission = await server({ banafter: "2", trustediplist: NET.address });
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
      run(
        "update tb_users set pin = ?, pinhash = ? where username in ('alice', 'sam')",
        passwords.seal("123456"),
        passwords.pinHash("123456"),
      ),
    );
    const alone = entryOf({ mode: 4 });

    test("stands for the password where the entry allows that", async () => {
      const admission = await server();
      const ask = (mode: AccessRule["mode"]) =>
        outcome(admission.admit(request(clear("alice", "123456")), entryOf({ mode })));
      assert.equal(await ask(2), "alice");
      assert.equal(await ask(6), WRONG);
    });

    test("alone is enough in mode 4 only, and never for the support", async () => {
      await run("update tb_users set pin = null, pinhash = null where username = 'sam'");
      const admission = await server();
      for (const params of [{ authid: "123456" }, { authpwd: "123456" }]) {
        assert.equal(await outcome(admission.admit(request(params), alone)), "alice");
        assert.equal(await outcome(admission.admit(request(params), entryOf())), WRONG);
      }
      await run("update tb_users set pin = null, pinhash = null where username = 'alice'");
      await run("update tb_users set pinhash = ? where username = 'sam'", passwords.pinHash("123456"));
      assert.equal(await outcome(admission.admit(request({ authid: "123456" }), alone)), WRONG);
    });

    test("can't be guessed: after some misses an address may only use names", async () => {
      await run("update tb_users set pinhash = null where username = 'sam'");
      const admission = await server({ limitlogin: "3" });
      const open = entryOf({ mode: 4, user: 14 });
      for (const guess of ["111111", "222222", "333333"])
        assert.equal(await outcome(admission.admit(request({ authid: guess }, LOOP), open)), "");
      assert.equal(await outcome(admission.admit(request({ authid: "123456" }, LOOP), open)), "");
      assert.equal(await outcome(admission.admit(request({ authid: "alice" }, LOOP), open)), "alice");
      assert.equal(await outcome(admission.admit(request({ authid: "123456" }, NET), open)), "alice");
    });
  });

  describe("a nonce", () => {
    const needed = entryOf({ login: 2 });

    test("is given for a right login only", async () => {
      const admission = await server();
      const ask = (params: Record<string, string>) => outcome(admission.admit(request(params), needed));
      assert.match(await ask(clear("alice")), NEW_NONCE);
      assert.equal(await ask(clear("alice", "wrong")), WRONG);
      assert.equal(await ask(clear("stranger")), WRONG);
      assert.equal(await ask(clear("dave")), WRONG);
      assert.equal(await ask({}), WRONG);
      assert.equal(await cell("select count(*) from tb_nonces"), 1);
    });

    test("is used once, however many requests come with it at once", async () => {
      const admission = await server();
      const nonce = await admission.nonces.issue(1001, NET.address);
      const all = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          outcome(admission.admit(request(withNonce("alice", nonce, 10 + index)), needed)),
        ),
      );
      assert.equal(all.filter((one) => one === "alice").length, 1);
      assert.equal(all.filter((one) => NEW_NONCE.test(one)).length, 11);
    });

    test("is of one account, and ends with its time", async () => {
      const admission = await server({ noncelifetime: "60" });
      const nonce = await admission.nonces.issue(1001, NET.address);
      assert.match(await outcome(admission.admit(request(withNonce("bob", nonce, 32)), needed)), NEW_NONCE);
      time += 61_000;
      assert.match(await outcome(admission.admit(request(withNonce("alice", nonce)), needed)), NEW_NONCE);
    });

    test("is bound to its address at level 3", async () => {
      const admission = await server();
      const bound = entryOf({ login: 3 });
      const nonce = await admission.nonces.issue(1001, NET.address);
      const elsewhere = { ...NET, address: "198.51.100.8" };
      assert.match(await outcome(admission.admit(request(withNonce("alice", nonce), elsewhere), bound)), NEW_NONCE);
      assert.equal(await outcome(admission.admit(request(withNonce("alice", nonce)), bound)), "alice");
    });

    test("counts only in the digest: fewer than ten characters, or a digest without it, give a new one or nothing", async () => {
      const admission = await server();
      const nonce = await admission.nonces.issue(1001, NET.address);
      assert.equal(await outcome(admission.admit(request(withNonce("alice", nonce, 9)), needed)), WRONG);
      const without = { ...withNonce("alice", ""), nonce };
      assert.match(await outcome(admission.admit(request(without), needed)), NEW_NONCE);
      assert.equal(await outcome(admission.admit(request(withNonce("alice", nonce)), needed)), "alice");
    });

    test("is deleted when it is over", async () => {
      const admission = await server();
      await admission.nonces.issue(1001, NET.address);
      time += 86_400_000;
      for (let round = 0; round < 60; round += 1) await admission.refresh();
      assert.equal(await cell("select count(*) from tb_nonces"), 0);
    });

    test("is needed where a public entry says so, also from a trusted address", async () => {
      const admission = await server({ apidefneedlogin: "2" });
      assert.equal(await outcome(admission.admit(request({}, LOOP), entryOf({ user: 14, login: 2 }))), WRONG);
      assert.equal(await outcome(admission.admit(request({}, LOOP), entryOf({ user: 6 }))), WRONG);
      assert.equal(await outcome(admission.admit(request({}, LOOP), entryOf({ user: 14 }))), "");
    });
  });

  describe("two servers on one database", () => {
    const guess = (admission: Admission, name: string, peer = NET) =>
      outcome(admission.admit(request(clear(name, "wrong"), peer), entryOf()));
    const enter = (admission: Admission, name: string, peer = NET) =>
      outcome(admission.admit(request(clear(name), peer), entryOf()));

    test("count wrong logins together, and a third that starts later knows", async () => {
      const [one, other] = [await server({ limitlogin: "4" }), await server({ limitlogin: "4" })];
      for (const admission of [one, other, one, other]) assert.equal(await guess(admission, "alice"), WRONG);
      for (const admission of [one, other, one]) await admission.refresh();
      for (const admission of [one, other, await server({ limitlogin: "4" })]) {
        assert.match(await enter(admission, "alice"), TOO_MANY);
        assert.equal(await enter(admission, "bob"), "bob");
      }
    });

    test("lose no count when both send at once", async () => {
      const servers = await Promise.all([1, 2, 3, 4].map(() => server({ limitlogin: "1000" })));
      for (const admission of servers) for (let index = 0; index < 5; index += 1) await guess(admission, "alice");
      await Promise.all(servers.map((admission) => admission.refresh()));
      assert.equal(await cell("select points from tb_throttle where name = 'login:1001'"), 20);
    });

    test("share bans, and what lifts one lifts it for both", async () => {
      const [one, other] = [await server({ banafter: "3" }), await server({ banafter: "3" })];
      for (const name of ["a", "b", "c"]) await guess(one, name);
      assert.match(await enter(one, "alice"), /^access denied: this address is banned/);
      await one.close();
      await other.refresh();
      assert.match(await enter(other, "alice"), /^access denied: this address is banned/);
      assert.equal(await enter(other, "alice", LOOP), "alice");
      assert.equal(await other.bans.lift(NET.address), 1);
      await one.refresh();
      for (const admission of [one, other]) assert.equal(await enter(admission, "alice"), "alice");
    });

    test("open an account again after the pause, and a ban ends with its time", async () => {
      const admission = await server({ limitlogin: "2", limitpause: "30", banafter: "2", bantime: "60" });
      for (let index = 0; index < 2; index += 1) await guess(admission, "alice", LOOP);
      assert.match(await enter(admission, "alice", LOOP), TOO_MANY);
      time += 31_000;
      assert.equal(await enter(admission, "alice", LOOP), "alice");
      for (const name of ["a", "b"]) await guess(admission, name);
      assert.match(await enter(admission, "bob"), /banned/);
      time += 61_000;
      await admission.refresh();
      assert.equal(await enter(admission, "bob"), "bob");
    });
  });

  describe("bans", () => {
    test("an IPv6 address counts and is banned with its network", async () => {
      const admission = await server({ banafter: "3" });
      const from = (host: string): Peer => ({ ...NET, address: `2001:db8:1:2::${host}` });
      for (const host of ["1", "2", "3"])
        await outcome(admission.admit(request(clear("alice", "x"), from(host)), entryOf()));
      assert.match(await outcome(admission.admit(request(clear("bob"), from("4")), entryOf())), /banned/);
      assert.equal(await admission.bans.lift("2001:db8:1:2::9"), 1);
      assert.equal(await outcome(admission.admit(request(clear("bob"), from("4")), entryOf())), "bob");
    });

    test("an administrator may write networks and ranges without an end", async () => {
      await run("insert into tb_bannedip (ip) values ('198.51.100.0/24')");
      await run("insert into tb_bannedip (ip) values ('203.0.113.5-203.0.113.9')");
      const admission = await server();
      for (const address of ["198.51.100.1", "203.0.113.7"])
        assert.match(await outcome(admission.admit(request(clear("bob"), { ...NET, address }), entryOf())), /banned/);
      assert.equal(
        await outcome(admission.admit(request(clear("bob"), { ...NET, address: "203.0.113.4" }), entryOf())),
        "bob",
      );
      assert.equal(await admission.bans.lift("all"), 2);
      assert.equal(await outcome(admission.admit(request(clear("bob")), entryOf())), "bob");
    });
  });

  describe("limits", () => {
    const ask = (
      admission: Admission,
      access: Partial<AccessRule>,
      params: Record<string, string> = clear("alice"),
      peer = NET,
    ) => outcome(admission.admit(request(params, peer), entryOf(access)));

    test("of an address, an account and an entry count by the minute, each for itself", async () => {
      const byAddress = await server({ limitaddress: "2" });
      for (const expected of [/^alice$/, /^alice$/, TOO_MANY]) assert.match(await ask(byAddress, {}), expected);
      assert.equal(await ask(byAddress, {}, clear("alice"), LOOP), "alice");
      const byAccount = await server({ limitaccount: "2" });
      for (const expected of [/^alice$/, /^alice$/, TOO_MANY]) assert.match(await ask(byAccount, {}), expected);
      assert.equal(await ask(byAccount, {}, clear("bob")), "bob");
      const byEntry = await server({ limitentry: "2" });
      for (const expected of [/^alice$/, /^alice$/, TOO_MANY]) assert.match(await ask(byEntry, {}), expected);
    });

    test("of sign-ups count each request of an address, but not of this machine", async () => {
      const admission = await server({ limitsignup: "2" });
      const signup = { user: 14, limit: "signup" } as const;
      for (const expected of [/^$/, /^$/, TOO_MANY]) assert.match(await ask(admission, signup, {}), expected);
      for (let index = 0; index < 4; index += 1) assert.equal(await ask(admission, signup, {}, LOOP), "");
    });

    test("of failed answers close the entry to the account that failed, and to it alone", async () => {
      const admission = await server({ limitpin: "2" });
      const pin = entryOf({ limit: "pin" });
      for (let index = 0; index < 2; index += 1) {
        const caller = await admission.admit(request(clear("alice")), pin);
        admission.failed(request(clear("alice")), pin, caller);
      }
      assert.match(await ask(admission, { limit: "pin" }), TOO_MANY);
      assert.equal(await ask(admission, { limit: "pin" }, clear("bob")), "bob");
      assert.equal(await ask(admission, {}), "alice");
    });

    test("of one account over many addresses are five times as many as from one", async () => {
      const admission = await server({ limitlogin: "2" });
      for (let host = 1; host <= 10; host += 1)
        await ask(admission, {}, clear("alice", "x"), { ...NET, address: `203.0.113.${host}` });
      assert.match(await ask(admission, {}), TOO_MANY);
      assert.equal(await ask(admission, {}, clear("bob")), "bob");
    });
  });

  describe("acting for another user", () => {
    const act = async (who: string, targetuser: string, access: Partial<AccessRule> = {}) => {
      const admission = await server();
      const admitted = admission.admit(request({ ...clear(who), targetuser }), entryOf(access));
      return outcome(
        admitted.then((caller) => ({ ...caller, username: `${caller.username} by ${caller.actingFor?.username}` })),
      );
    };
    beforeEach(() =>
      run("insert into tb_users (username, password, type, rights) values ('root', 'root-sample', 15, 60)"),
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
      assert.rejects(server({ trustediplist: "10.0.0.1, office" }), /option trustediplist: 'office' is no address/));

    test("are followed at once when they are read again, and a faulty item leaves those before in force", async () => {
      const settings = new StoredSettings(database, new Map([["apiv2key", KEY]]));
      const admission = makeAdmission({ database, settings, passwords, log });
      opened.push(admission);
      const trusted = () => outcome(admission.admit(request({}), entryOf({ user: 6 })));
      assert.equal(await trusted(), WRONG);
      await run("insert into tb_settings (name, val) values ('trustediplist', ?)", NET.address);
      await settings.reload();
      assert.equal(await trusted(), "trusted");
      await run("update tb_settings set val = 'office' where name = 'trustediplist'");
      await assert.rejects(settings.reload(), /trustediplist: 'office' is no address/);
      assert.equal(await trusted(), "trusted");
    });

    test("without a key no address is an administrator's", async () => {
      const admission = await server({ apiv2key: "" });
      assert.equal(await outcome(admission.admit(request({}, LOOP), entryOf({ user: 6 }))), WRONG);
      assert.equal(await outcome(admission.admit(request(clear("alice")), entryOf())), "alice");
    });
  });

  describe("the console", () => {
    test("lets the support and administrators in with their password, and counts wrong ones", async () => {
      const admission = await server({ limitlogin: "3" });
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
        const admission = await server({ remoteadmin, trustediplist: "203.0.113.1" });
        const all = ["127.0.0.1", "::1", "192.168.7.7", "203.0.113.1", "198.51.100.7"];
        const peer = (host: string): Peer => ({ ...NET, transport: "console", address: host });
        assert.deepEqual(
          all.filter((host) => admission.consoleAllowed(peer(host))),
          allowed,
        );
      });
  });
});
