/** The address of a database, as `TBAPI_DB` has it. */

export interface SqliteAddress {
  dialect: "sqlite";
  file: string;
}

export interface MariaDbAddress {
  dialect: "mariadb";
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** Connections that are open at most, for the engine's own statements. */
  pool: number;
}

const DEFAULT_POOL = 10;

/** Errors: Error that tells the two forms. The address itself is not repeated, since it may hold a password. */
export function parseAddress(address: string): SqliteAddress | MariaDbAddress {
  const file = /^sqlite:(?!:memory:)(.+)$/s.exec(address)?.[1];
  if (file !== undefined) return { dialect: "sqlite", file };
  const url = /^(mysql|mariadb):\/\//.test(address) && URL.canParse(address) ? new URL(address) : undefined;
  const database = url?.pathname.slice(1);
  if (url === undefined || !url.hostname || !database || database.includes("/")) throw new Error(FORMS);
  return {
    dialect: "mariadb",
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || 3306),
    user: decode(url.username),
    password: decode(url.password),
    database: decode(database),
    pool: poolSize(url.searchParams.get("pool")),
  };
}

/** The same address with another database of the server. */
export function withDatabase(address: string, name: string): string {
  const url = new URL(address);
  url.pathname = encodeURIComponent(name);
  return url.href;
}

const FORMS =
  "the address of the database must be sqlite:FILE or mysql://user:password@host:port/name, with other characters than letters and digits of its parts percent-encoded";

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error(FORMS);
  }
}

function poolSize(text: string | null): number {
  if (text === null) return DEFAULT_POOL;
  const size = Number(text);
  if (!Number.isInteger(size) || size < 1 || size > 1000) throw new Error("pool must be a whole number from 1 to 1000");
  return size;
}
