/** Passwords: checked against the sealed one, or made. */
import { randomInt } from "node:crypto";
import { PREFIX, SEAL_STATEMENTS } from "../engine/admit/seal.js";
import type { Action, ActionContext } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import type { Row } from "../engine/request.js";

/** Without the characters that are mistaken for one another when a password is read aloud. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const LENGTH = 14;

const CLEAR = `select id, password, pin from tb_users where id > ? and (? = 0 or id = ?)
  and ((password <> '' and password not like '${PREFIX}%') or (pin <> '' and pin not like '${PREFIX}%')) order by id limit 500`;

/** Seals what is clear in one row; answers how many texts that were. */
async function sealRow(row: Row, { session, services }: ActionContext): Promise<number> {
  const id = Number(row["id"]);
  const isClear = (text: string) => text !== "" && !services.passwords.isSealed(text);
  const [password, pin] = [cellText(row["password"]), cellText(row["pin"])];
  let changed = 0;
  if (isClear(password)) {
    const values = [services.passwords.seal(password), id, password];
    changed += (await session.run({ text: SEAL_STATEMENTS.password, values })).changed;
  }
  if (isClear(pin)) {
    const values = [services.passwords.seal(pin), services.passwords.pinHash(pin), id, pin];
    changed += (await session.run({ text: SEAL_STATEMENTS.pin, values })).changed;
  }
  return changed;
}

const passwords: Action = {
  name: "passwords",
  operations: {
    check: {
      summary: "Refuses when the clear password is not the account's.",
      input: { user: "Id of the account.", password: "The password in clear." },
      transactional: true,
      async run({ user, password }, { session, services }) {
        const { rows } = await session.run({
          text: "select password from tb_users where id = ?",
          values: [Number(user)],
        });
        const stored = String(rows[0]?.["password"] ?? "");
        if (stored === "" || !services.passwords.matches(stored, String(password ?? "")))
          throw new ApiError("auth failed", "the old password is wrong");
        return {};
      },
    },
    seal: {
      summary: "Seals clear passwords and PINs that another system wrote: a PIN can be signed in with from then on.",
      input: { "user?": "Id of the account; all where it is left out." },
      transactional: true,
      async run({ user }, context) {
        const only = Number(user ?? 0);
        let sealed = 0;
        for (let last = 0; ; ) {
          const { rows } = await context.session.run({ text: CLEAR, values: [last, only, only] });
          for (const row of rows) sealed += await sealRow(row, context);
          if (rows.length === 0) return { sealed };
          last = Number(rows.at(-1)?.["id"]);
        }
      },
    },
    make: {
      summary: "A random password: `clear` to be told once, `sealed` to be stored.",
      input: {},
      transactional: true,
      async run(_input, { services }) {
        const clear = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
        return { clear, sealed: services.passwords.seal(clear) };
      },
    },
  },
};

export default passwords;
