/** Who holds and who waits for InnoDB's locks. MariaDB and MySQL keep the waits in different places. */
import { cellText } from "./cells.js";
import { DatabaseError, type LockState, type QueryResult } from "./database.js";
import { withoutValues } from "./shown.js";

const WAITS = {
  mariadb: {
    table: "information_schema.innodb_lock_waits",
    waiter: "requesting_trx_id",
    holder: "blocking_trx_id",
  },
  mysql: {
    table: "performance_schema.data_lock_waits",
    waiter: "requesting_engine_transaction_id",
    holder: "blocking_engine_transaction_id",
  },
};

/** The time is that of the connection's current state: the times of transactions are in a time zone of the server's own. */
const locksOf = ({ table, waiter, holder }: (typeof WAITS)["mariadb"]): string => `
  select h.trx_mysql_thread_id as holder, r.trx_mysql_thread_id as waiter, coalesce(r.trx_query, '') as what, p.time as seconds
  from ${table} w join information_schema.innodb_trx h on h.trx_id = w.${holder}
  join information_schema.innodb_trx r on r.trx_id = w.${waiter}
  left join information_schema.processlist p on p.id = r.trx_mysql_thread_id
  union all
  select t.trx_mysql_thread_id, null, concat(t.trx_rows_locked, ' rows locked'), p.time
  from information_schema.innodb_trx t left join information_schema.processlist p on p.id = t.trx_mysql_thread_id
  where t.trx_rows_locked > 0`;

/** `run` sends a text. Errors: DatabaseError, of kind "failed" where the account may not look. */
export async function lockStates(run: (text: string) => Promise<QueryResult>): Promise<LockState[]> {
  const { rows } = await run(locksOf(WAITS.mariadb)).catch((cause: unknown) => {
    if (cause instanceof DatabaseError && cause.kind === "syntax") return run(locksOf(WAITS.mysql));
    throw cause;
  });
  return rows.map(({ holder, waiter, what, seconds }) => ({
    holder: `connection ${cellText(holder)}`,
    waiter: waiter === null ? "" : `connection ${cellText(waiter)}`,
    what: waiter === null ? cellText(what) : withoutValues(cellText(what)),
    seconds: Number(seconds ?? 0),
  }));
}
