/**
 * A forgotten password: a code is mailed to the account's address, and sets a new password once, within a quarter of an hour.
 * The code is made when the mail is sent, and stored as a hash, so that nobody who reads the database can use it.
 */
import { randomInt } from "node:crypto";
import type { Action, ActionContext, DeliveredItem, Input, Services } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import type { Session } from "../engine/database/database.js";
import { lockAccount } from "../engine/database/lock-account.js";
import { toDatetime } from "../engine/datetime.js";
import { ApiError } from "../engine/errors.js";
import { mailLacks, sendMail } from "../engine/mail/mailer.js";
import type { Row } from "../engine/request.js";
import { sameText } from "../engine/same-text.js";

/** The body of a `reset.send`. */
interface Question {
  email: string;
  subject: string;
  /** With `[ACCOUNT]` and `[CODE]`. */
  text: string;
}

/** Without the signs that are mistaken for one another. */
const SIGNS = "abcdefghjkmnpqrstuvwxyz23456789";
const LENGTH = 10;
const MINUTES = 15;
/** Codes of an account in an hour, so that nobody can fill a mailbox. */
const MOST_CODES = 3;
/** Answers to a code, the right one included. */
const MOST_TRIES = 5;
/** Accounts of one address that get a code. */
const MOST_ACCOUNTS = 5;

const at = (minutes: number): string => toDatetime(Date.now() + minutes * 60_000);
const makeCode = (): string => Array.from({ length: LENGTH }, () => SIGNS[randomInt(SIGNS.length)]).join("");
const plain = (code: string): string => code.toLowerCase().replace(/[^a-z0-9]/g, "");
const hashOf = (code: string, userId: number, { passwords }: Services): string =>
  passwords.pinHash(`reset ${userId} ${plain(code)}`);

/** Whether the account exists is looked up when the mail is sent, so that the answer and its time don't tell. */
async function ask({ email, subject, text }: Input, context: ActionContext) {
  const lacks = mailLacks(context.services.settings.current);
  if (lacks !== undefined) throw new ApiError("not configured", lacks);
  const body: Question = { email: cellText(email), subject: cellText(subject), text: cellText(text) };
  await context.store({ kind: "reset.send", body });
  return {};
}

/** Administrators and the support are not among them: theirs are set by another administrator. */
const ACCOUNTS = `select id, username, email from tb_users
  where email = ? and enabled = 1 and temporarydisabled = 0 and type not in (14, 15) order by id limit ${MOST_ACCOUNTS}`;

async function send(item: DeliveredItem, services: Services, signal: AbortSignal): Promise<void> {
  const { email, subject, text } = item.body as Question;
  const { rows } = await services.database.run({ text: ACCOUNTS, values: [email] });
  for (const account of rows) {
    const code = await storedCode(account, services);
    if (code === undefined) continue;
    const shown = `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
    const words: Readonly<Record<string, string>> = { "[ACCOUNT]": String(account["username"]), "[CODE]": shown };
    const hash = hashOf(code, Number(account["id"]), services);
    const filled = text.replace(/\[(?:ACCOUNT|CODE)\]/g, (word) => words[word] ?? word);
    const id = `${item.id}.${services.passwords.pinHash(hash).slice(0, 32)}`;
    await sendMail({ to: String(account["email"]), subject, text: filled, id }, services, signal).catch(
      async (cause) => {
        // A code that did not get out is none of those that an account may have.
        await services.database.run({ text: "delete from tb_passwordresets where codehash = ?", values: [hash] });
        throw cause;
      },
    );
  }
}

/** A new code of the account; undefined where it has had too many. */
function storedCode({ id, email }: Row, services: Services): Promise<string | undefined> {
  const userId = Number(id);
  return services.database.transaction(async (session) => {
    await session.run({ text: "delete from tb_passwordresets where expires < ?", values: [at(-24 * 60)] });
    // Locks the account, so that two that ask at once are counted one after the other.
    await lockAccount(session, userId);
    const count = "select count(*) as codes from tb_passwordresets where userid = ? and datum > ?";
    const { rows } = await session.run({ text: count, values: [userId, at(-60)] });
    if (Number(rows[0]?.["codes"]) >= MOST_CODES) return undefined;
    const code = makeCode();
    await session.run({
      text: "insert into tb_passwordresets (userid, email, codehash, datum, expires) values (?, ?, ?, ?, ?)",
      values: [userId, String(email), hashOf(code, userId, services), at(0), at(MINUTES)],
    });
    return code;
  });
}

const wrong = () => new ApiError("auth failed", "the code is wrong, was used already, or has expired");

/** Each answer counts, before it is looked at. */
async function answered(email: string, code: string, services: Services): Promise<Row> {
  const open = "email = ? and used = 0 and expires > ?";
  const values = [email, at(0)];
  await services.database.run({ text: `update tb_passwordresets set tries = tries + 1 where ${open}`, values });
  const text = `select id, userid, codehash from tb_passwordresets where ${open} and tries <= ${MOST_TRIES}`;
  const { rows } = await services.database.run({ text, values });
  const right = rows.find((row) => sameText(String(row["codehash"]), hashOf(code, Number(row["userid"]), services)));
  if (right === undefined) throw wrong();
  return right;
}

async function change({ id, userid }: Row, sealed: string, session: Session): Promise<void> {
  const use = "update tb_passwordresets set used = 1 where id = ? and used = 0";
  const { changed } = await session.run({ text: use, values: [Number(id)] });
  if (changed !== 1) throw wrong();
  // Older codes of the account are of no use any more.
  await session.run({ text: "update tb_passwordresets set used = 1 where userid = ?", values: [Number(userid)] });
  const set = "update tb_users set password = ? where id = ? and enabled = 1";
  const done = await session.run({ text: set, values: [sealed, Number(userid)] });
  if (done.changed !== 1) throw wrong();
}

async function finish(input: Input, { services, entry }: ActionContext) {
  const email = cellText(input["email"]);
  const reset = await answered(email, cellText(input["code"]), services);
  const own = cellText(input["newpassword"]);
  const sealed = own === "" ? services.passwords.seal(makeCode() + makeCode()) : own;
  await services.database.transaction(async (session) => {
    await change(reset, sealed, session);
    if (own !== "") return;
    const letter = { to: email, subject: cellText(input["subject"]), text: cellText(input["text"]), secret: sealed };
    await services.outbox.put(session, {
      kind: "email.deliver",
      body: letter,
      entry: entry.name,
      userId: Number(reset["userid"]),
    });
  });
  services.outbox.wake();
  services.log.info({ event: "password reset", user: reset["userid"] }, "a forgotten password was set anew");
  return {
    text: own === "" ? "a new password is on its way to the address of the account" : "the password is changed",
  };
}

const reset: Action = {
  name: "reset",
  operations: {
    ask: {
      summary: "Mails a code to the accounts of an address, where there are any.",
      input: { email: "The address.", subject: "Of the mail.", text: "With [ACCOUNT] and [CODE] in it." },
      transactional: true,
      run: ask,
    },
    finish: {
      summary: "Sets a new password by a code: the given one, or one that is made and mailed.",
      input: {
        email: "The address.",
        code: "The code.",
        "newpassword?": "Sealed.",
        subject: "Of the mail with a password that was made.",
        text: "Its text, with [SECRET] in it.",
      },
      transactional: false,
      run: finish,
    },
  },
  deliveries: {
    send: {
      summary: "Makes a code for each account of the address, and mails it.",
      seconds: 240,
      tries: 10,
      async deliver(item, { services, signal }) {
        await send(item, services, signal);
        return undefined;
      },
    },
  },
};

export default reset;
