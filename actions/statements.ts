/** What the database is doing for this server. */
import type { Action } from "../engine/contracts.js";
import { DatabaseError, type LockState } from "../engine/database/database.js";
import { withoutValues } from "../engine/database/shown.js";
import type { Row } from "../engine/request.js";

/** Those of the engine: what is made or read by one at a time. */
const ofEngine = (reloading: boolean): LockState[] =>
  reloading ? [{ holder: "apireload", waiter: "", what: "the definitions", seconds: 0 }] : [];

const HIDDEN: LockState = {
  holder: "",
  waiter: "",
  what: "not shown: the database's account may not look at locks (it needs the right PROCESS)",
  seconds: 0,
};

const statements: Action = {
  name: "statements",
  operations: {
    running: {
      summary: "The statements that run now, without the values in them, a row each.",
      input: {},
      transactional: true,
      async run(_input, { services }) {
        const rows = services.database
          .running()
          .map(({ id, text, milliseconds }): Row => ({ id, ms: milliseconds, statement: withoutValues(text) }));
        return { rows, columns: ["id", "ms", "statement"] };
      },
    },
    locks: {
      summary: "Who holds and who waits for locks of the database and of the engine, a row each.",
      input: {},
      transactional: false,
      async run(_input, { services: { database, registry } }) {
        const ofDatabase = await database.locks().catch((cause: unknown) => {
          if (cause instanceof DatabaseError && cause.kind === "failed") return [HIDDEN];
          throw cause;
        });
        const locks = [
          ...ofDatabase.map((lock): Row => ({ of: "database", ...lock })),
          ...ofEngine(registry.reloading).map((lock): Row => ({ of: "engine", ...lock })),
        ];
        return { rows: locks, columns: ["of", "holder", "waiter", "what", "seconds"] };
      },
    },
  },
};

export default statements;
