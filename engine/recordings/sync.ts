/** Makes tb_recordings say what lies in the folder of the recordings, and to which calls it belongs. */
import type { Database, Session } from "../database/database.js";
import { ApiError } from "../errors.js";
import type { AudioFile, RecordingLibrary } from "./library.js";

const MOST_FILES = 200_000;
/** Files of one transaction. */
const BATCH = 200;

export interface SyncReport {
  /** Recordings in the folder. */
  files: number;
  /** Those whose call is known, and those without one. */
  matched: number;
  orphans: number;
  /** Rows of files that have gone. */
  gone: number;
}

/** Errors: ApiError "failed" where there are more files than can be held against the table. */
export async function syncRecordings(library: RecordingLibrary, database: Database): Promise<SyncReport> {
  const report: SyncReport = { files: 0, matched: 0, orphans: 0, gone: 0 };
  const names = new Set<string>();
  let batch: AudioFile[] = [];
  const store = async () => {
    const matched = await storeBatch(batch, database);
    report.matched += matched;
    report.orphans += batch.length - matched;
    batch = [];
  };
  for await (const file of library.all()) {
    names.add(file.name);
    batch.push(file);
    if (names.size > MOST_FILES) throw new ApiError("failed", `there are more than ${MOST_FILES} recordings`);
    if (batch.length === BATCH) await store();
  }
  if (batch.length > 0) await store();
  report.files = names.size;
  report.gone = await forgetGone(names, database);
  return report;
}

/** Gives how many of the files have a call. */
const storeBatch = (files: readonly AudioFile[], database: Database): Promise<number> =>
  database.transaction(async (session) => {
    const calls = await callsOf(files, session);
    for (const file of files) await storeFile(file, calls.get(file.sipcallid.toLowerCase()) ?? 0, session);
    return files.filter((file) => calls.has(file.sipcallid.toLowerCase())).length;
  });

async function callsOf(files: readonly AudioFile[], session: Session): Promise<Map<string, number>> {
  const { rows } = await session.run({
    text: `select sipcallid, min(id) as id from tb_cdrs where sipcallid in (${files.map(() => "?").join(", ")}) group by sipcallid`,
    values: files.map(({ sipcallid }) => sipcallid),
  });
  return new Map(rows.map((row) => [String(row["sipcallid"]).toLowerCase(), Number(row["id"])]));
}

async function storeFile({ name, sipcallid, size }: AudioFile, cdrid: number, session: Session): Promise<void> {
  const { changed } = await session.run({
    text: "update tb_recordings set cdrid = ?, size = ? where file = ?",
    values: [cdrid, size, name],
  });
  if (changed > 0) return;
  await session.run({
    text: "insert into tb_recordings (file, sipcallid, cdrid, size) values (?, ?, ?, ?)",
    values: [name, sipcallid.slice(0, 128), cdrid, size],
  });
}

async function forgetGone(names: ReadonlySet<string>, database: Database): Promise<number> {
  let gone = 0;
  for (let last = 0; ; ) {
    const { rows } = await database.run({
      text: "select id, file from tb_recordings where id > ? order by id limit 1000",
      values: [last],
    });
    if (rows.length === 0) return gone;
    last = Number(rows.at(-1)?.["id"]);
    for (const row of rows)
      if (!names.has(String(row["file"]))) {
        await database.run({ text: "delete from tb_recordings where id = ?", values: [row["id"] ?? 0] });
        gone += 1;
      }
  }
}
