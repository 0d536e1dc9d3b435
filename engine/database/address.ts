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
  /** Connections that all requests share for their look-ups; 0 for none. */
  lookups: number;
}

const DEFAULT_POOL = 10;
const DEFAULT_LOOKUPS = 2;

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
    pool: connections(url.searchParams, "pool", 1, DEFAULT_POOL),
    lookups: connections(url.searchParams, "lookups", 0, DEFAULT_LOOKUPS),
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

function connections(parameters: URLSearchParams, name: string, least: number, standard: number): number {
  const text = parameters.get(name);
  if (text === null) return standard;
  const number = Number(text);
  if (!Number.isInteger(number) || number < least || number > 1000)
    throw new Error(`${name} must be a whole number from ${least} to 1000`);
  return number;
}
