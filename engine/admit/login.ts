/** Nonces: asked for by `preauth` or given by a refusal, part of the digest, used once. */
import { randomBytes } from "node:crypto";
import type { Nonces } from "../contracts.js";
import type { Database } from "../database/database.js";
import { fromDatetime, toDatetime } from "../datetime.js";
import { ApiError } from "../errors.js";
import type { Proof } from "./proof.js";
import type { Visit } from "./visit.js";

/** A nonce of an account, found by its first characters. */
export interface FoundNonce {
  /** The whole of it. */
  readonly nonce: string;
  /** The address that got it. */
  readonly address: string;
  readonly usable: boolean;
}

const NONCE_BYTES = 16;
/** Clients send at least ten characters of a nonce. */
const SENT_PART = /^[0-9a-f]{10,32}$/;

export class NonceBook implements Nonces {
  readonly #database: Database;
  readonly #lifetime: () => number;
  readonly #now: () => number;

  /** `lifetime` in seconds. */
  constructor(database: Database, lifetime: () => number, now: () => number) {
    this.#database = database;
    this.#lifetime = lifetime;
    this.#now = now;
  }

  readonly issue = async (userId: number, address: string): Promise<string> => {
    const nonce = randomBytes(NONCE_BYTES).toString("hex");
    const now = this.#now();
    await this.#database.run({
      text: "insert into tb_nonces (nonce, userid, address, issued, expires, used) values (?, ?, ?, ?, ?, 0)",
      values: [nonce, userId, address, toDatetime(now), toDatetime(now + this.#lifetime() * 1_000)],
    });
    return nonce;
  };

  /** The nonce of that account or of nobody that begins so, used or not. */
  async find(part: string, userId: number): Promise<FoundNonce | undefined> {
    if (!SENT_PART.test(part)) return undefined;
    const { rows } = await this.#database.run({
      text: "select nonce, address, expires, used from tb_nonces where nonce >= ? and nonce < ? and userid in (?, 0)",
      values: [part, `${part}g`, userId],
    });
    const [row] = rows;
    if (row === undefined || rows.length > 1) return undefined;
    const usable = Number(row["used"]) === 0 && fromDatetime(String(row["expires"])) > this.#now();
    return { nonce: String(row["nonce"]), address: String(row["address"]), usable };
  }

  /**
   * `req_user_login`: lets a login in whose digest has an unused nonce in it. A right login without one gets a nonce.
   * Errors: ApiError "auth failed".
   */
  async demand(visit: Visit, userId: number, proof: Proof, found: FoundNonce | undefined): Promise<void> {
    const { plan, place } = visit;
    const here = plan.login < 3 || (found?.address === place.address && !place.forgeable);
    if (proof === "nonce" && found?.usable === true && here && (await this.#use(found.nonce))) return;
    if (proof === "none" || proof === "pin") throw wrongLogin();
    const nonce = await this.issue(userId, place.address);
    throw new ApiError("auth failed", "a digest with a new nonce is needed", { verbatim: `new nonce is:${nonce}EOF` });
  }

  /** False when another request was first. */
  async #use(nonce: string): Promise<boolean> {
    const { changed } = await this.#database.run({
      text: "update tb_nonces set used = 1 where nonce = ? and used = 0",
      values: [nonce],
    });
    return changed === 1;
  }

  /** Deletes the nonces that are over. */
  async purge(): Promise<void> {
    await this.#database.run({ text: "delete from tb_nonces where expires <= ?", values: [toDatetime(this.#now())] });
  }
}

export const needsNonce = ({ plan, trusted }: Visit): boolean => plan.login >= 2 || (plan.login === 1 && !trusted);

/** The same words whatever was wrong. */
export const wrongLogin = () => new ApiError("auth failed", "wrong user or password");
