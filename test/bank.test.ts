/** Money under fire: nothing is lost, doubled or left half done when the server is killed at any moment. */
import { test } from "node:test";
import { playBank } from "./bank.js";
import { eachDatabase } from "./databases.js";

eachDatabase("bank", (fresh) => {
  test("three kills under load", async (t) => t.diagnostic(await playBank(await fresh(), 3)));
});
