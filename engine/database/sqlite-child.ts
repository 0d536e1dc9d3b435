/**
 * A process that runs what administrators wrote on an SQLite file. A process and not a thread: SQLite runs a statement in
 * one native call, which the end of a thread has to wait for (tried on Node 20: a runaway statement outlives
 * `worker.terminate()` and keeps the server from ending), whereas a process can be ended at any moment. What it had not
 * committed is gone then, as SQLite has it.
 */
import { Worker } from "node:worker_threads";
import { expectChanges } from "./consequence.js";
import { DatabaseError, type QueryResult } from "./database.js";
import { SqliteConnection } from "./sqlite-connection.js";
import { sqliteError } from "./sqlite-errors.js";
import type { ForeignAnswer, ForeignTask } from "./sqlite-foreign.js";

/** A server that was killed can't end this process, and a runaway statement hears nothing: a thread looks for the server. */
const ORPHAN_GUARD = `const parent = process.ppid;
setInterval(() => process.ppid === parent || process.kill(process.pid, "SIGKILL"), 1000);`;

const file = process.argv[2] ?? "";
/** The server ends the process before, at the statement's own limit. */
const WAIT_FOR_WRITERS = 60_000;

const connection = new SqliteConnection(file, { wait: WAIT_FOR_WRITERS });
new Worker(ORPHAN_GUARD, { eval: true }).unref();

process.on("disconnect", () => process.exit());
process.on("message", (task: ForeignTask) => process.send?.(answer(task)));

function answer(task: ForeignTask): ForeignAnswer {
  try {
    return { result: task.andThen.length === 0 ? run(task) : together(task) };
  } catch (error) {
    const { kind, message } = error instanceof DatabaseError ? error : sqliteError(error);
    return { kind, message };
  }
}

/** Not kept prepared: another process may have changed the schema since. */
const run = ({ statement, maxRows }: ForeignTask): QueryResult =>
  connection.run(connection.prepareOnce(statement.text), statement.values, maxRows);

function together(task: ForeignTask): QueryResult {
  connection.control("begin immediate");
  try {
    const result = run(task);
    for (const next of task.andThen) expectChanges(next, connection.runStatement(next));
    connection.control("commit");
    return result;
  } catch (error) {
    if (connection.inTransaction) connection.control("rollback");
    throw error;
  }
}
