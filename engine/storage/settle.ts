/** What must not come back with older data. */
import type { Database, Statement } from "../database/database.js";
import { toDatetime } from "../datetime.js";

/** Other servers may have counted on by so many until the data take their place. */
const AHEAD = 100;

const HELD = "held back: the database was restored or changed over since; whether it was carried out is not known";

/** What a server serves. */
export interface Served {
  /** Of the definitions. */
  generation: number;
  /** The last announcement of options. */
  settings: number;
}

/** Nonces that were used since, messages that were sent since, and runs of tasks that nobody does any more. */
export function settle(database: Database, served: Served): Promise<void> {
  return all(database, [
    { text: "delete from tb_nonces", values: [] },
    {
      // Statements belong to these data; everything else acts on the world outside
      text: "update tb_outbox set state = 'failed', lasterror = ? where state <> 'failed' and kind not in ('sql', 'change')",
      values: [HELD],
    },
    { text: "update tb_scheduledtasks set runningby = null, runninguntil = null", values: [] },
    announcement(served),
  ]);
}

/** Definitions and options get numbers that no server has seen, so that all servers read them. */
export const announce = (database: Database, served: Served): Promise<void> => all(database, [announcement(served)]);

const announcement = ({ generation, settings }: Served): Statement => ({
  text: `update tb_apigeneration set generation = (case when generation > ? then generation else ? end) + ${AHEAD},
    settings = (case when settings > ? then settings else ? end) + ${AHEAD}, datum = ?, byuser = 'restore' where id = 1`,
  values: [generation, generation, settings, settings, toDatetime(Date.now())],
});

function all(database: Database, statements: readonly Statement[]): Promise<void> {
  return database.transaction(async (session) => {
    for (const statement of statements) await session.run(statement);
  });
}
