/** The flat map of a request's parameters while it is being filled. */
import { ApiError } from "./errors.js";
import type { ParamValue } from "./request.js";

const MOST_PARAMETERS = 500;
const LONGEST_NAME = 200;

/** The parameter that holds a whole hidden query, and what a single hidden value begins with. */
export const HIDDEN_QUERY = "mcrfs";
export const HIDDEN_VALUE = "oenc1_";

/** Of several values of one name the first that is not empty stays; names are in lower case. */
export class Parameters {
  readonly map = new Map<string, ParamValue>();
  /** True once there is a name such as `param1`. */
  numbered = false;
  /** True once there is something for `openHidden` to open. */
  hidden = false;
  #left = MOST_PARAMETERS;

  /** Errors: ApiError "wrong parameter". */
  add(name: string, value: ParamValue): void {
    this.#left -= 1;
    if (this.#left < 0) throw new ApiError("wrong parameter", `at most ${MOST_PARAMETERS} parameters can be sent`);
    const key = (name.length > LONGEST_NAME ? name.slice(0, LONGEST_NAME) : name).trim().toLowerCase();
    if (key === "") return;
    if (value?.includes("\0")) throw new ApiError("wrong parameter", "a value contains a NUL character");
    if (key.startsWith("param")) this.numbered = true;
    if (key === HIDDEN_QUERY || value?.startsWith(HIDDEN_VALUE)) this.hidden = true;
    const earlier = this.map.get(key);
    if (earlier === undefined || (!earlier && value)) this.map.set(key, value);
  }

  /** The value, where there is one that is not empty. */
  text(name: string): string | undefined {
    return this.map.get(name) || undefined;
  }

  /** Gives `name` the value of `other` where it has none itself. */
  fill(name: string, other: string): void {
    const value = this.map.get(other);
    if (value && !this.map.get(name)) this.map.set(name, value);
  }
}
