/** What the settings and the rule of one entry come to: worked out when its first request comes, then kept. */
import { parseAmount } from "../database/amount.js";
import type { Entry } from "../registry/entry.js";
import type { Settings } from "../settings.js";

/** How an account may show who it is. */
export interface Way {
  /** A password or digest is needed, whatever the account's own setting says. */
  readonly passwordAlways: boolean;
  /** The id, the name, the number or the PIN may stand for the user name, and the PIN for the password. */
  readonly otherNames: boolean;
  /** The name or the PIN alone is enough. */
  readonly alone: boolean;
  /** Digests without a salt are accepted. */
  readonly replayable: boolean;
}

export interface Plan {
  readonly way: Way;
  /** 0 no nonce, 1 from addresses that aren't trusted, 2 always, 3 always and from the address that got it. */
  readonly login: number;
  /** 0 no registration, 1 registered, 2 registered at the same address. */
  readonly register: number;
  /** Least credit in millionths; null where it is not checked. */
  readonly credit: bigint | null;
  /** Statements that find accounts, each with one `?`. */
  readonly byName: string;
  readonly byId: string;
  /** With the id, the name, the number, the number and the PIN's hash as values, each of which may be null. */
  readonly byOther: string;
}

const NEEDED = [
  "id",
  "username",
  "password",
  "pin",
  "type",
  "rights",
  "parentid",
  "enabled",
  "temporarydisabled",
  "needauth",
];
/** More accounts of one name than this are told apart by their user names only. */
export const MOST_NAMESAKES = 5;

export function planOf(entry: Entry, settings: Settings): Plan {
  const { access } = entry;
  const forUsers = access.user === 11 || access.user === 12;
  const register = access.register ?? (forUsers ? Number(settings.apidefneedregister) : 0);
  const login = access.login ?? (access.user === 14 ? 0 : Number(settings.apidefneedlogin));
  const least = access.credit === "minimum" ? settings.mincreditonroute : access.credit;
  return {
    way: wayOf(access.mode === 0 ? Number(settings.apiv2auth) : access.mode, settings),
    login,
    register,
    credit: least === null ? null : (parseAmount(least) ?? null),
    ...statementsOf(entry, access.user === 11 || register > 0),
  };
}

function wayOf(mode: number, { apialtauth }: Settings): Way {
  return {
    passwordAlways: mode === 6 || apialtauth === "0",
    otherNames: apialtauth === "1" || (apialtauth === "-1" && mode !== 6),
    alone: mode === 4 && apialtauth !== "0",
    replayable: apialtauth === "1",
  };
}

function statementsOf(entry: Entry, registration: boolean): Pick<Plan, "byName" | "byId" | "byOther"> {
  const columns = new Set(NEEDED);
  if (entry.access.credit !== null) columns.add("credit");
  if (registration) for (const name of ["status", "statusdate", "regip"]) columns.add(name);
  for (const name of entry.callerFields ?? []) columns.add(name);
  const list =
    entry.callerFields === undefined
      ? "u.*"
      : [...columns].map((name) => `u."${name.replaceAll('"', '""')}"`).join(", ");
  return {
    byName: `select ${list} from tb_users u where u.username = ?`,
    byId: `select ${list} from tb_users u where u.id = ?`,
    // One look-up by index each: an `or` over these would read the whole table.
    byOther: `select ${list} from (select id from tb_users where id = ? union select id from tb_users where name = ? union select id from tb_users where telnumber = ? union select location from tb_phonenumbers where number = ? and free = 0 union select id from tb_users where pinhash = ?) c join tb_users u on u.id = c.id limit ${MOST_NAMESAKES + 1}`,
  };
}
