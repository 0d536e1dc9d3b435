/** Mails: stored in the outbox with what caused them, sent afterwards. */
import type { Action, ActionContext, Booking, DeliveredItem, Input, Services } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import { listItems } from "../engine/list-items.js";
import { isEmailAddress } from "../engine/mail/address.js";
import { closeMailer, mailLacks, sendMail } from "../engine/mail/mailer.js";
import type { Cell } from "../engine/request.js";

/** The body of an `email.deliver`. */
interface Letter {
  /** One mailbox; absent for the administrators of `mailto`. */
  to?: string;
  from?: string;
  replyTo?: string;
  subject: string;
  text: string;
  /** Sealed texts that take the place of `[SECRET]` in the text when the mail is sent, so that none is stored in clear. */
  secret?: string;
}

/** Errors: ApiError "not configured". */
async function store(letter: Letter, { services, store: put }: ActionContext): Promise<{ to: string }> {
  const { current } = services.settings;
  const lacks = mailLacks(current) ?? (letter.to === undefined && current.mailto === "" ? "set mailto" : undefined);
  if (lacks !== undefined) throw new ApiError("not configured", lacks);
  await put({ kind: "email.deliver", body: letter });
  return { to: letter.to ?? current.mailto };
}

function address(value: Cell | undefined, name: string): string {
  const text = cellText(value);
  if (!isEmailAddress(text))
    throw new ApiError("wrong parameter", `${name} must be an email address such as ann@example.com`);
  return text;
}

const given = (name: "from" | "replyTo", value: Cell | undefined) =>
  cellText(value) === "" ? {} : { [name]: address(value, "from") };

async function send(input: Input, context: ActionContext) {
  const letter: Letter = {
    to: address(input["to"], "to"),
    ...given("from", input["from"]),
    ...given("replyTo", input["replyto"]),
    subject: cellText(input["subject"]),
    text: cellText(input["text"]),
  };
  return store(letter, context);
}

async function sendPin(input: Input, context: ActionContext) {
  const { session, services } = context;
  const { rows } = await session.run({
    text: "select pin from tb_users where id = ?",
    values: [Number(input["user"])],
  });
  const pin = cellText(rows[0]?.["pin"] as Cell | undefined);
  if (pin === "") throw new ApiError("not found", "this account has no PIN");
  const secret = services.passwords.isSealed(pin) ? pin : services.passwords.seal(pin);
  const [subject, text] = [cellText(input["subject"]), cellText(input["text"])];
  return store({ to: address(input["to"], "email"), subject, text, secret }, context);
}

function recipients({ to }: Letter, { settings }: Services): string[] {
  const list = to === undefined ? listItems(settings.current.mailto) : [to];
  if (list.length === 0) throw new Error("not configured: set mailto, or say ***TO in the mail");
  if (!list.every(isEmailAddress)) throw new Error("what stands in place of ***TO, or in mailto, is no email address");
  return list;
}

/** A mail for each of several recipients, since the server may take it for one of them alone. */
const split =
  ({ entry, userId }: DeliveredItem, letter: Letter, services: Services): Booking =>
  async (session) => {
    for (const to of recipients(letter, services))
      await services.outbox.put(session, { kind: "email.deliver", body: { ...letter, to }, entry, userId });
  };

function textOf({ text, secret }: Letter, { passwords }: Services): string {
  if (secret === undefined) return text;
  const clear = passwords.open(secret);
  if (clear === undefined) throw new Error("a secret of the mail was sealed under another key");
  return text.replaceAll("[SECRET]", () => clear);
}

/** The same at each try of an item, and of no other item or server. */
const messageId = ({ id, body }: DeliveredItem, { passwords }: Services): string =>
  `${id}.${passwords
    .pinHash(JSON.stringify([id, body]))
    .replace(/\W/g, "")
    .slice(0, 32)}`;

const email: Action = {
  name: "email",
  operations: {
    send: {
      summary: "Sends a mail to one address.",
      input: {
        to: "An email address.",
        "from?": "Sender instead of mailfrom: for administrators.",
        "replyto?": "Where answers go.",
        subject: "Line breaks in it become blanks.",
        text: "Plain text.",
      },
      transactional: true,
      run: send,
    },
    notify: {
      summary: "Sends a mail to the administrators (option mailto).",
      input: { subject: "Line breaks in it become blanks.", text: "Plain text." },
      transactional: true,
      run: ({ subject, text }, context) => store({ subject: cellText(subject), text: cellText(text) }, context),
    },
    "send-pin": {
      summary:
        "Sends an account its PIN, which takes the place of [SECRET] in the text; it is opened at the last moment.",
      input: {
        to: "An email address.",
        user: "Id of the account.",
        subject: "Of the mail.",
        text: "Plain text with [SECRET].",
      },
      transactional: true,
      run: sendPin,
    },
  },
  deliveries: {
    deliver: {
      summary: "Hands a mail to the SMTP server of the options.",
      seconds: 120,
      tries: 50,
      async deliver(item, { services, signal }) {
        const letter = item.body as Letter;
        const [to = "", ...others] = recipients(letter, services);
        if (others.length > 0) return split(item, letter, services);
        const mail = {
          to,
          ...(letter.from === undefined ? {} : { from: letter.from }),
          ...(letter.replyTo === undefined ? {} : { replyTo: letter.replyTo }),
          subject: letter.subject,
          text: textOf(letter, services),
          id: messageId(item, services),
        };
        await sendMail(mail, services, signal);
        services.log.info({ event: "mail", item: item.id, entry: item.entry, user: item.userId }, "a mail was sent");
        return undefined;
      },
    },
  },
  stop: async (services) => closeMailer(services),
};

export default email;
