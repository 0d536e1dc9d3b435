/** What access keeps in the database for all servers of it: nonces, counters of failures, bans. On both databases. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AccessRule } from "../engine/registry/entry.js";
import type { Peer } from "../engine/request.js";
import {
  type Admission,
  clear,
  eachBench,
  entryOf,
  LOOP,
  NET,
  NEW_NONCE,
  outcome,
  request,
  TOO_MANY,
  WRONG,
} from "./admission.js";
import { withNonce } from "./server.js";

eachBench("what servers share", (bench) => {
  describe("a nonce", () => {
    const needed = entryOf({ login: 2 });

    test("is given for a right login only", async () => {
      const admission = await bench.server();
      const ask = (params: Record<string, string>) => outcome(admission.admit(request(params), needed));
      assert.match(await ask(clear("alice")), NEW_NONCE);
      assert.equal(await ask(clear("alice", "wrong")), WRONG);
      assert.equal(await ask(clear("stranger")), WRONG);
      assert.equal(await ask(clear("dave")), WRONG);
      assert.equal(await ask({}), WRONG);
      assert.equal(await bench.cell("select count(*) from tb_nonces"), 1);
    });

    test("is used once, however many requests come with it at once", async () => {
      const admission = await bench.server();
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
      const admission = await bench.server({ noncelifetime: "60" });
      const nonce = await admission.nonces.issue(1001, NET.address);
      assert.match(await outcome(admission.admit(request(withNonce("bob", nonce, 32)), needed)), NEW_NONCE);
      bench.time += 61_000;
      assert.match(await outcome(admission.admit(request(withNonce("alice", nonce)), needed)), NEW_NONCE);
    });

    test("is bound to its address at level 3", async () => {
      const admission = await bench.server();
      const bound = entryOf({ login: 3 });
      const nonce = await admission.nonces.issue(1001, NET.address);
      const elsewhere = { ...NET, address: "198.51.100.8" };
      assert.match(await outcome(admission.admit(request(withNonce("alice", nonce), elsewhere), bound)), NEW_NONCE);
      assert.equal(await outcome(admission.admit(request(withNonce("alice", nonce)), bound)), "alice");
    });

    test("counts only in the digest: fewer than ten characters, or a digest without it, give a new one or nothing", async () => {
      const admission = await bench.server();
      const nonce = await admission.nonces.issue(1001, NET.address);
      assert.equal(await outcome(admission.admit(request(withNonce("alice", nonce, 9)), needed)), WRONG);
      const without = { ...withNonce("alice", ""), nonce };
      assert.match(await outcome(admission.admit(request(without), needed)), NEW_NONCE);
      assert.equal(await outcome(admission.admit(request(withNonce("alice", nonce)), needed)), "alice");
    });

    test("is deleted when it is over", async () => {
      const admission = await bench.server();
      await admission.nonces.issue(1001, NET.address);
      bench.time += 86_400_000;
      for (let round = 0; round < 60; round += 1) await admission.refresh();
      assert.equal(await bench.cell("select count(*) from tb_nonces"), 0);
    });

    test("is needed where a public entry says so, also from a trusted address", async () => {
      const admission = await bench.server({ apidefneedlogin: "2" });
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
      const [one, other] = [await bench.server({ limitlogin: "4" }), await bench.server({ limitlogin: "4" })];
      for (const admission of [one, other, one, other]) assert.equal(await guess(admission, "alice"), WRONG);
      for (const admission of [one, other, one]) await admission.refresh();
      for (const admission of [one, other, await bench.server({ limitlogin: "4" })]) {
        assert.match(await enter(admission, "alice"), TOO_MANY);
        assert.equal(await enter(admission, "bob"), "bob");
      }
    });

    test("lose no count when both send at once", async () => {
      const servers = await Promise.all([1, 2, 3, 4].map(() => bench.server({ limitlogin: "1000" })));
      for (const admission of servers) for (let index = 0; index < 5; index += 1) await guess(admission, "alice");
      await Promise.all(servers.map((admission) => admission.refresh()));
      assert.equal(await bench.cell("select points from tb_throttle where name = 'login:1001'"), 20);
    });

    test("share bans, and what lifts one lifts it for both", async () => {
      const [one, other] = [await bench.server({ banafter: "3" }), await bench.server({ banafter: "3" })];
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
      const admission = await bench.server({ limitlogin: "2", limitpause: "30", banafter: "2", bantime: "60" });
      for (let index = 0; index < 2; index += 1) await guess(admission, "alice", LOOP);
      assert.match(await enter(admission, "alice", LOOP), TOO_MANY);
      bench.time += 31_000;
      assert.equal(await enter(admission, "alice", LOOP), "alice");
      for (const name of ["a", "b"]) await guess(admission, name);
      assert.match(await enter(admission, "bob"), /banned/);
      bench.time += 61_000;
      await admission.refresh();
      assert.equal(await enter(admission, "bob"), "bob");
    });
  });

  describe("bans", () => {
    test("an IPv6 address counts and is banned with its network", async () => {
      const admission = await bench.server({ banafter: "3" });
      const from = (host: string): Peer => ({ ...NET, address: `2001:db8:1:2::${host}` });
      for (const host of ["1", "2", "3"])
        await outcome(admission.admit(request(clear("alice", "x"), from(host)), entryOf()));
      assert.match(await outcome(admission.admit(request(clear("bob"), from("4")), entryOf())), /banned/);
      assert.equal(await admission.bans.lift("2001:db8:1:2::9"), 1);
      assert.equal(await outcome(admission.admit(request(clear("bob"), from("4")), entryOf())), "bob");
    });

    test("an administrator may write networks and ranges without an end", async () => {
      await bench.run("insert into tb_bannedip (ip) values ('198.51.100.0/24')");
      await bench.run("insert into tb_bannedip (ip) values ('203.0.113.5-203.0.113.9')");
      const admission = await bench.server();
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
      const byAddress = await bench.server({ limitaddress: "2" });
      for (const expected of [/^alice$/, /^alice$/, TOO_MANY]) assert.match(await ask(byAddress, {}), expected);
      assert.equal(await ask(byAddress, {}, clear("alice"), LOOP), "alice");
      const byAccount = await bench.server({ limitaccount: "2" });
      for (const expected of [/^alice$/, /^alice$/, TOO_MANY]) assert.match(await ask(byAccount, {}), expected);
      assert.equal(await ask(byAccount, {}, clear("bob")), "bob");
      const byEntry = await bench.server({ limitentry: "2" });
      for (const expected of [/^alice$/, /^alice$/, TOO_MANY]) assert.match(await ask(byEntry, {}), expected);
    });

    test("of sign-ups count each request of an address, but not of this machine", async () => {
      const admission = await bench.server({ limitsignup: "2" });
      const signup = { user: 14, limit: "signup" } as const;
      for (const expected of [/^$/, /^$/, TOO_MANY]) assert.match(await ask(admission, signup, {}), expected);
      for (let index = 0; index < 4; index += 1) assert.equal(await ask(admission, signup, {}, LOOP), "");
    });

    for (const limit of ["mail", "sms", "call"] as const)
      test(`of what is sent (${limit}) count each request of a user, and none of an administrator`, async () => {
        const admission = await bench.server({ [`limit${limit}`]: "2" });
        for (const expected of [/^alice$/, /^alice$/, TOO_MANY])
          assert.match(await ask(admission, { limit }), expected);
        assert.equal(await ask(admission, { limit }, clear("bob")), "bob");
        assert.equal(await ask(admission, {}), "alice");
        await bench.run(
          "insert into tb_users (username, password, type, rights) values ('root', 'root-sample', 15, 60)",
        );
        for (let time = 0; time < 3; time += 1) assert.equal(await ask(admission, { limit }, clear("root")), "root");
      });

    test("of failed answers close the entry to the account that failed, and to it alone", async () => {
      const admission = await bench.server({ limitpin: "2" });
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
      const admission = await bench.server({ limitlogin: "2" });
      for (let host = 1; host <= 10; host += 1)
        await ask(admission, {}, clear("alice", "x"), { ...NET, address: `203.0.113.${host}` });
      assert.match(await ask(admission, {}), TOO_MANY);
      assert.equal(await ask(admission, {}, clear("bob")), "bob");
    });
  });
});
