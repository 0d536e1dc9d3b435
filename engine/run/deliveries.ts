/** How each kind of the outbox's items is carried out: statements here, everything else by a delivery of an action. */
import type { Action, Booking, DeliveredItem, Delivery, Services } from "../contracts.js";
import { cellText } from "../database/cells.js";
import { type Database, DatabaseError, type Session, type Statement } from "../database/database.js";
import { patiently } from "../database/patiently.js";
import { PassingError } from "../errors.js";
import { prepared, type StoredStatement, type Unprepared } from "./hooks.js";
import type { ClaimedItem, OutboxTable } from "./outbox-table.js";

/** Carries out items of one kind. */
export interface Carrier {
  /** For so long the item is this worker's. */
  seconds(): number;
  tries: number;
  /** Several are claimed by one statement: only where a try that was claimed and not begun is none that counts. */
  several: boolean;
  /** Ends with the item's removal, in one transaction with what it changed. */
  carry(item: ClaimedItem, signal: AbortSignal): Promise<void>;
  /** Changes that belong to the last state `failed`. */
  givenUp?(item: ClaimedItem, reason: string): Booking;
}

/**
 * Seconds for which a worker holds an item beyond what carrying it out may take; after that it counts as lost. A database
 * that is away is waited for as long.
 */
const SPARE_SECONDS = 60;
const STATEMENT_TRIES = 12;

/** The carriers by kind: `sql` and `change` for statements, `prepare` for selects of bodies, `action.delivery` for the others. */
export function makeCarriers(
  table: OutboxTable,
  services: Services,
  deliveries: ReadonlyMap<string, Delivery>,
): ReadonlyMap<string, Carrier> {
  const statements = statementCarrier(table, services.database, () => services.settings.current.sqltimeout);
  const carriers = new Map<string, Carrier>([
    ["sql", statements],
    ["change", statements],
    ["prepare", preparer(table, services)],
  ]);
  for (const [kind, delivery] of deliveries) carriers.set(kind, deliveryCarrier(table, services, delivery));
  return carriers;
}

/** `email.deliver` → its delivery. */
export const deliveriesOf = (actions: Iterable<Action>): Map<string, Delivery> =>
  new Map(
    [...actions].flatMap(({ name, deliveries = {} }) =>
      Object.entries(deliveries).map(([delivery, it]) => [`${name}.${delivery}`, it] as const),
    ),
  );

/** The claim outlasts the wait and the statement, or another worker would carry the item out a second time. */
const statementCarrier = (table: OutboxTable, database: Database, limit: () => number): Carrier => ({
  seconds: () => SPARE_SECONDS + (2 * limit()) / 1_000,
  tries: STATEMENT_TRIES,
  several: true,
  async carry(item) {
    const statement = JSON.parse(item.body) as StoredStatement;
    const removal = { ...table.removal(item), changes: 1 };
    await database.runForeign(statement, { maxRows: 1, andThen: [removal] }).catch((cause: unknown) => {
      throw cause instanceof DatabaseError && cause.kind === "absent" ? new LostClaim() : cause;
    });
  },
});

/** Runs the selects of a body, and stores what a delivery is handed in place of the item. */
const preparer = (table: OutboxTable, { database, settings, outbox }: Services): Carrier => ({
  seconds: () => SPARE_SECONDS + (20 * settings.current.sqltimeout) / 1_000,
  tries: STATEMENT_TRIES,
  several: false,
  async carry(item) {
    const read = async (statement: StoredStatement) => {
      const { rows, columns } = await database.runForeign(statement, { maxRows: settings.current.maxrows });
      return rows.map((row) => columns.map((column) => cellText(row[column])).join("\t")).join("\n");
    };
    const { kind, body } = await prepared(JSON.parse(item.body) as Unprepared, read);
    await database.transaction(async (session) => {
      await ended(table.removal(item), session);
      await outbox.put(session, { kind, body, entry: item.entry, userId: item.userid });
    });
    outbox.wake();
  },
});

const deliveryCarrier = (table: OutboxTable, services: Services, delivery: Delivery): Carrier => ({
  seconds: () => SPARE_SECONDS + delivery.seconds,
  tries: delivery.tries,
  several: false,
  async carry(item, stopping) {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(delivery.seconds * 1_000)]);
    let end = table.removal(item);
    const keep = (outcome: string) => {
      end = table.completion(item, outcome);
    };
    const booking = await inTime(signal, delivery.deliver(deliveredOf(item), { services, signal, keep }));
    const written = () =>
      services.database.transaction(async (session) => {
        await ended(end, session);
        await booking?.(session);
      });
    await patiently(written, stopping);
  },
  ...(delivery.givenUp && {
    givenUp: (item: ClaimedItem, reason: string) => delivery.givenUp?.(deliveredOf(item), reason) ?? nothing,
  }),
});

/** A try that its time or the server's end cut off is none that went wrong for good. */
async function inTime<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!signal.aborted) throw cause;
    throw new PassingError("it took too long, or the server stopped", { cause });
  }
}

const nothing: Booking = async () => undefined;

/** First of the transaction: a worker whose claim was lost meanwhile books nothing. */
async function ended(end: Statement, session: Session): Promise<void> {
  const { changed } = await session.run(end);
  if (changed !== 1) throw new LostClaim();
}

/** Another worker has the item now. */
export class LostClaim extends Error {
  override readonly name = "LostClaim";
}

const deliveredOf = ({ id, body, entry, userid, tries }: ClaimedItem): DeliveredItem => ({
  id,
  body: JSON.parse(body),
  entry,
  userId: userid,
  tries,
});

/** A statement that takes too long holds up what stands behind it: it is soon given up. */
const TIMEOUT_TRIES = 3;

/** A failure of the try of that number that may be over at the next one; a statement that is wrong stays wrong. */
export const isPassing = (cause: unknown, tries: number): boolean =>
  cause instanceof PassingError ||
  (cause instanceof DatabaseError &&
    (cause.kind === "unavailable" || cause.kind === "conflict" || (cause.kind === "timeout" && tries < TIMEOUT_TRIES)));
