/** Connections to MariaDB or MySQL: how they are set up, and how one is ended that does not come back. */
import type { Socket } from "node:net";
import mysql, {
  type Connection,
  type ConnectionOptions,
  type Pool,
  type PoolConnection,
  type RowDataPacket,
} from "mysql2";
import type { MariaDbAddress } from "./address.js";
import type { PoolState } from "./database.js";

/** Milliseconds until a connection has to stand. */
export const CONNECT_LIMIT = 5000;

/** Prepared statements that a connection keeps; the server keeps as many for each connection. */
const STATEMENTS = 200;

const SQL_MODE = [
  "ANSI_QUOTES",
  "NO_BACKSLASH_ESCAPES",
  "PIPES_AS_CONCAT",
  "STRICT_TRANS_TABLES",
  "NO_ENGINE_SUBSTITUTION",
  "ERROR_FOR_DIVISION_BY_ZERO",
].join(",");

/**
 * The session of each connection. MariaDB and MySQL each read their own kind of comment. The limit of the server's own is
 * a backstop, should the message that ends a statement not arrive; it is far above the usual limit, since a statement may
 * have a longer one of its own.
 */
export function sessionSetup(limit: number): string {
  const backstop = limit * 10 + 1000;
  return `set session sql_mode = '${SQL_MODE}', time_zone = '+00:00' /*M!100101 , max_statement_time = ${backstop / 1000} */ /*!80000 , max_execution_time = ${Math.min(backstop, 2 ** 32 - 1)} */`;
}

// With snapshots (repeatable read) a transaction would not see the row that its own insert found to be taken
const ISOLATION = "set session transaction isolation level read committed";

const connectionOptions = (address: MariaDbAddress): ConnectionOptions => ({
  host: address.host,
  port: address.port,
  user: address.user,
  password: address.password,
  database: address.database,
  charset: "utf8mb4",
  timezone: "Z",
  dateStrings: true,
  supportBigNumbers: true,
  jsonStrings: true,
  connectTimeout: CONNECT_LIMIT,
  maxPreparedStatements: STATEMENTS,
  flags: ["-LOCAL_FILES"],
});

/** Pools are replaced while some of their connections are in use, so each counts what it has lent. */
export class ConnectionPool {
  readonly #size: number;
  #pool: Pool;
  /** Asked for and not given back, those that wait for a connection among them. */
  #lent = 0;
  #waiting = 0;
  #open = new Set<PoolConnection>();
  #ended: (() => void) | undefined;

  /** `limit`: milliseconds that a statement may take. */
  constructor(address: MariaDbAddress, size: number, limit: () => number) {
    this.#size = size;
    const options = { ...connectionOptions(address), connectionLimit: size, maxIdle: size };
    this.#pool = mysql.createPool(options);
    this.#pool.on("connection", (connection: PoolConnection) => {
      this.#open.add(connection);
      for (const event of ["end", "error"]) connection.on(event, () => this.#open.delete(connection));
      setUp(connection, limit(), () => this.#destroy(connection));
    });
  }

  /** Connections that somebody has, or waits for. */
  get lent(): number {
    return this.#lent;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Calls back with a connection that is the caller's until it is given back. */
  lend(use: (error: unknown, connection: PoolConnection) => void): void {
    this.#lent++;
    this.#waiting++;
    this.#pool.getConnection((error, connection) => {
      this.#waiting--;
      if (error) this.#returned();
      use(error, connection);
    });
  }

  get state(): Omit<PoolState, "name"> {
    return { size: this.#size, busy: this.#lent - this.#waiting, waiting: this.#waiting };
  }

  /** `spoilt`: in a state in which nobody else may have it. */
  giveBack(connection: PoolConnection, spoilt = false): void {
    if (spoilt) this.#destroy(connection);
    else connection.release();
    this.#returned();
  }

  /** Closes the connections once all that are lent have come back. */
  retire(): Promise<void> {
    return new Promise((resolve) => {
      this.#ended = () => this.#pool.end(() => resolve());
      if (this.#lent === 0) this.#ended();
    });
  }

  #destroy(connection: PoolConnection): void {
    this.#open.delete(connection);
    hangUp(connection);
  }

  #returned(): void {
    if (--this.#lent === 0) this.#ended?.();
  }
}

/** Ends a connection at once: mysql2 itself ends its own half, and goes on reading all that the server still sends. */
export function hangUp(connection: Connection): void {
  connection.destroy();
  (connection as Connection & { stream: Socket }).stream.destroy();
}

const NODE = "select concat(@@hostname, ' ', @@port) as node";

/** Which server each connection leads to: behind a balancer the next one may lead to another. */
const nodes = new WeakMap<Connection, unknown>();

function setUp(connection: PoolConnection, limit: number, destroy: () => void): void {
  const spoil = (error: unknown) => {
    if (error) destroy();
  };
  connection.query(sessionSetup(limit), spoil);
  connection.query(ISOLATION, spoil);
  connection.query<RowDataPacket[]>(NODE, (error, rows) => {
    if (error) destroy();
    else nodes.set(connection, rows[0]?.["node"]);
  });
}

/** Ends whatever the server does for a connection. Errors: those of the driver; Error when another server answers. */
export async function endOnServer(address: MariaDbAddress, connection: PoolConnection): Promise<void> {
  const other = await connectOnce(address, CONNECT_LIMIT);
  try {
    const [row] = await ask(other, NODE);
    if (row?.["node"] !== nodes.get(connection)) throw new Error("the address leads to another server now");
    await ask(other, `kill ${connection.threadId}`).catch(alreadyGone);
  } finally {
    hangUp(other);
  }
}

const ask = (connection: Connection, text: string): Promise<RowDataPacket[]> =>
  new Promise((resolve, reject) => {
    connection.query<RowDataPacket[]>(text, (error, rows) => (error ? reject(error) : resolve(rows)));
  });

const UNKNOWN_THREAD = 1094;

function alreadyGone(error: { errno?: number }): void {
  if (error.errno !== UNKNOWN_THREAD) throw error;
}

/** One connection outside of the pools, with the same session; `more` is set on top. Errors: those of the driver. */
export function connectOnce(
  address: MariaDbAddress,
  limit: number,
  more: Pick<ConnectionOptions, "multipleStatements"> = {},
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const connection = mysql.createConnection({ ...connectionOptions(address), ...more });
    connection.on("error", reject);
    connection.query(sessionSetup(limit), (error) => {
      if (error) hangUp(connection);
      if (error) reject(error);
      else resolve(connection);
    });
  });
}
