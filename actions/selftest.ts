/** A test of the live server: bounded, and reading alone. */
import { setTimeout as pause } from "node:timers/promises";
import { simpleDigest } from "../engine/admit/digest.js";
import type { Action, ActionContext, Input } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import type { Row } from "../engine/request.js";
import { DIFFERENCES } from "./ledger.js";

interface Wanted {
  threads: number;
  /** Milliseconds. */
  time: number;
  parameter: string;
}

/** Gives what was found, or throws with what is wrong. */
type Check = (context: ActionContext, wanted: Wanted) => Promise<string>;

class Fault extends Error {}

/** A digest whose value is known from elsewhere. */
const KNOWN_DIGEST = { parts: ["alice", "secret", "12345", "salt"], is: "9afb93c6702d11974d103b3888bf4066" } as const;

/** Milliseconds between two round trips, so that the test leaves the database to others. */
const BREATH = 1;

async function roundTrips({ services }: ActionContext, { threads, time }: Wanted): Promise<string> {
  const end = performance.now() + time;
  let count = 0;
  let slowest = 0;
  const one = async () => {
    do {
      const started = performance.now();
      await services.database.run({ text: "select 1 as one", values: [] });
      slowest = Math.max(slowest, performance.now() - started);
      count += 1;
      await pause(BREATH);
    } while (performance.now() < end);
  };
  await Promise.all(Array.from({ length: threads }, one));
  return `${count} round trips, the slowest took ${slowest.toFixed(1)} ms`;
}

async function statements({ services: { registry, database } }: ActionContext): Promise<string> {
  const texts = new Map(registry.statements().flatMap(({ entry, texts: all }) => all.map((text) => [text, entry])));
  const faults = await database.check(texts.keys());
  const told = [...faults].map(([text, { message }]) => `${texts.get(text)}: ${message}`);
  if (told.length > 0) throw new Fault(told.slice(0, 5).join("; "));
  return `${texts.size} statements can be prepared`;
}

async function digests({ services: { passwords } }: ActionContext): Promise<string> {
  const [name, password, salt, serverSalt] = KNOWN_DIGEST.parts;
  if (simpleDigest(name, password, salt, serverSalt) !== KNOWN_DIGEST.is) throw new Fault("the digest is another one");
  if (passwords.open(passwords.seal(password)) !== password) throw new Fault("a sealed password can't be opened");
  return "a known digest, and a password sealed and opened";
}

async function prices({ services: { rates } }: ActionContext, { parameter }: Wanted): Promise<string> {
  await rates.refresh();
  let count = 0;
  for (const { prefix, resellerId, kind, rate } of rates.all()) {
    count += 1;
    if (rates.find(prefix, resellerId, kind) !== rate) throw new Fault(`the price of '${prefix}' is not found by it`);
  }
  if (parameter === "") return `${count} prices are found by their prefixes`;
  const rate = rates.find(parameter, 0, "call");
  if (rate === undefined) throw new Fault(`no price for ${parameter}`);
  return `${count} prices are found by their prefixes; ${parameter} costs ${rate.price} ${rate.currency}`;
}

async function ledger({ session }: ActionContext): Promise<string> {
  const { rows } = await session.run({ text: DIFFERENCES, values: [] });
  if (rows.length > 0)
    throw new Fault(`${rows.length} accounts have another credit than their ledger; checkcredits lists them`);
  return "each credit is the sum of its ledger";
}

const CHECKS: Readonly<Record<string, Check>> = { database: roundTrips, statements, digest: digests, prices, ledger };

async function outcome(name: string, check: Check, context: ActionContext, wanted: Wanted): Promise<Row> {
  const started = performance.now();
  const row = (result: string, detail: string) => ({
    test: name,
    result,
    ms: Math.round(performance.now() - started),
    detail,
  });
  try {
    return row("passed", await check(context, wanted));
  } catch (cause) {
    if (cause instanceof Fault) return row("failed", cause.message);
    throw cause;
  }
}

const selftest: Action = {
  name: "selftest",
  operations: {
    run: {
      summary: "Tests the live server: database, statements, digest, prices, ledger; a row each.",
      input: {
        test: "One of these, or all.",
        threads: "Round trips to the database at a time.",
        seconds: "For how long round trips are made; 0 makes one each.",
        "parameter?": "A number whose price has to be there.",
      },
      transactional: false,
      async run({ test, threads, seconds, parameter }: Input, context) {
        const wanted = { threads: Number(threads), time: Number(seconds) * 1_000, parameter: cellText(parameter) };
        const chosen = Object.entries(CHECKS).filter(([name]) => test === "all" || test === name);
        const rows: Row[] = [];
        for (const [name, check] of chosen) rows.push(await outcome(name, check, context, wanted));
        const failed = rows.filter(({ result }) => result === "failed");
        if (failed.length > 0)
          throw new ApiError("failed", failed.map(({ test: name, detail }) => `${name}: ${detail}`).join("; "));
        return { rows, columns: ["test", "result", "ms", "detail"] };
      },
    },
  },
};

export default selftest;
