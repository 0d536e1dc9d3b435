/** What must not come back with older data. */
import type { Database, Statement } from "../database/database.js";
import { toDatetime } from "../datetime.js";

const HELD = "held back: the database was restored or changed over since; whether it was carried out is not known";

/**
 * Nonces that were used since, messages that were sent since, and runs of tasks that nobody does any more. The definitions
 * get a generation that no server has served, so that all servers load them.
 */
export function settle(database: Database, generation: number): Promise<void> {
  const statements: Statement[] = [
    { text: "delete from tb_nonces", values: [] },
    {
      // Statements belong to these data; everything else acts on the world outside
      text: "update tb_outbox set state = 'failed', lasterror = ? where state <> 'failed' and kind not in ('sql', 'change')",
      values: [HELD],
    },
    { text: "update tb_scheduledtasks set runningby = null, runninguntil = null", values: [] },
    {
      text: "update tb_apigeneration set generation = (case when generation > ? then generation else ? end) + 1, datum = ?, byuser = 'restore' where id = 1",
      values: [generation, generation, toDatetime(Date.now())],
    },
  ];
  return database.transaction(async (session) => {
    for (const statement of statements) await session.run(statement);
  });
}
