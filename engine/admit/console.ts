/** The login of the console: administrators and the support, with their password. */
import type { Passwords } from "../contracts.js";
import { cellText } from "../database/cells.js";
import type { Database } from "../database/database.js";
import { ApiError } from "../errors.js";
import type { Log } from "../log.js";
import type { Peer } from "../request.js";
import { isStaff, kindOf } from "./kind.js";
import { accountName, type Counted, type Throttle } from "./throttle.js";

interface ConsoleParts {
  database: Database;
  passwords: Passwords;
  throttle: Throttle;
  log: Log;
  counted(peer: Peer): Counted;
}

/** Answers the account's name, or undefined for a login that is refused, for whichever reason. */
export const makeConsoleLogin =
  ({ database, passwords, throttle, log, counted }: ConsoleParts) =>
  async (username: string, password: string, peer: Peer): Promise<{ username: string } | undefined> => {
    const about = counted(peer);
    const { rows } = await database.run({
      text: "select id, username, password, type, rights from tb_users where username = ? and enabled = 1 and temporarydisabled = 0",
      values: [username],
    });
    const [row] = rows;
    const account = accountName(row === undefined ? undefined : Number(row["id"]), username);
    try {
      throttle.guard(account, about);
    } catch (cause) {
      if (cause instanceof ApiError) return undefined;
      throw cause;
    }
    const right = passwords.matches(cellText(row?.["password"]), password);
    if (row !== undefined && right && isStaff(kindOf(row))) return { username: cellText(row["username"]) };
    throttle.wrongLogin([account], about);
    log.warn(
      { event: "wrong login", address: about.place.address, account: username.slice(0, 64), transport: "console" },
      "a login was refused",
    );
    return undefined;
  };
