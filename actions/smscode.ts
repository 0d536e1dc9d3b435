/** Codes that are sent by SMS to prove that a new account's phone number is its owner's. */
import { randomInt } from "node:crypto";
import type { Action, ActionContext } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import type { Session } from "../engine/database/database.js";
import { toDatetime } from "../engine/datetime.js";
import { digitsOf } from "../engine/digits.js";
import { ApiError } from "../engine/errors.js";
import { codeText } from "./sms/coding.js";
import { checkGateway } from "./sms/gateway-options.js";
import { queueMessage } from "./sms/messages.js";
import { senderOf } from "./sms/sender.js";

/** A code is good for so long and for so many tries. */
const MINUTES = 15;
const TRIES = 5;

/** The same words whatever was wrong. */
const refused = () =>
  new ApiError("auth failed", "wrong code or account, or the code is over; a code lasts 15 minutes");

async function sendCode(user: number, phone: string, { session, services, store }: ActionContext): Promise<void> {
  const { smsfrom, currency } = services.settings.current;
  checkGateway(services.settings.current);
  const to = digitsOf(phone);
  if (!/^\d{5,15}$/.test(to)) throw new ApiError("wrong parameter", "u_phone must be the number that gets the code");
  const code = String(randomInt(1_000_000)).padStart(6, "0");
  const expires = toDatetime(Date.now() + MINUTES * 60_000);
  await session.run({
    text: "insert into tb_smscodes (userid, code, tries, expires) values (?, ?, 0, ?)",
    values: [user, services.passwords.seal(code), expires],
  });
  const text = `Your code is ${code}`;
  const { coding, parts } = codeText(text);
  const price = { parts: parts.length, cost: "0", currency };
  await queueMessage(session, store, { userId: user, from: senderOf(smsfrom) ?? "", to, text, coding, ...price });
}

interface Waiting {
  id: number;
  username: string;
  password: string;
  code: string;
}

/** Counts the try before the code is looked at, so that tries at the same time are counted, too. */
async function takeTry(session: Session, username: string): Promise<Waiting> {
  const { rows } = await session.run({
    text: `select u.id as id, u.username as username, u.password as password, c.code as code
      from tb_users u join tb_smscodes c on c.userid = u.id where u.username = ? and u.enabled = 1`,
    values: [username],
  });
  const [row] = rows;
  if (row === undefined) throw refused();
  const { changed } = await session.run({
    text: "update tb_smscodes set tries = tries + 1 where userid = ? and tries < ? and expires > ?",
    values: [Number(row["id"]), TRIES, toDatetime(Date.now())],
  });
  if (changed !== 1) throw refused();
  return { ...(row as unknown as Waiting), id: Number(row["id"]) };
}

const smscode: Action = {
  name: "smscode",
  operations: {
    send: {
      summary: "Sends a code to the phone of a new account where signupsms asks for one; nothing otherwise.",
      input: { user: "Id of the account.", "phone?": "Its phone number." },
      transactional: true,
      async run({ user, phone }, context) {
        if (!context.services.settings.current.signupsms) return {};
        await sendCode(Number(user), cellText(phone), context);
        return { sent: 1 };
      },
    },
    confirm: {
      summary: "Opens the account that waits for its code.",
      input: {
        username: "Name of the account.",
        code: "The code.",
        "password?": "Its password; checked where it is given.",
      },
      transactional: false,
      async run({ username, code, password }, { services }) {
        const { database, passwords } = services;
        const waiting = await takeTry(database, cellText(username));
        const codeFits = passwords.matches(waiting.code, cellText(code));
        const passwordFits = cellText(password) === "" || passwords.matches(waiting.password, cellText(password));
        if (!codeFits || !passwordFits) throw refused();
        await database.transaction(async (session) => {
          const used = await session.run({ text: "delete from tb_smscodes where userid = ?", values: [waiting.id] });
          if (used.changed !== 1) throw refused();
          await session.run({ text: "update tb_users set temporarydisabled = 0 where id = ?", values: [waiting.id] });
        });
        return { id: waiting.id, username: waiting.username };
      },
    },
  },
};

export default smscode;
