/** Passwords: checked against the sealed one, or made. */
import { randomInt } from "node:crypto";
import type { Action } from "../engine/contracts.js";
import { ApiError } from "../engine/errors.js";

/** Without the characters that are mistaken for one another when a password is read aloud. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const LENGTH = 14;

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
