/** What the checks derive from the settings, so that a request finds it ready. */
import type { Log } from "../log.js";
import type { Entry } from "../registry/entry.js";
import type { Settings, SettingsStore } from "../settings.js";
import { makePlaces, type Places } from "./address.js";
import { type Plan, planOf } from "./plan.js";

/** Made once for each set of settings. */
export interface Policy {
  readonly settings: Settings;
  readonly places: Places;
  /** `apiv2key`; undefined when none is set. */
  readonly key: Buffer | undefined;
  /** What the settings and the rule of an entry come to. */
  planOf(entry: Entry): Plan;
}

/** Errors: Error that names an option with an item that is no address. */
function makePolicy(settings: Settings): Policy {
  const plans = new WeakMap<Entry, Plan>();
  return {
    settings,
    places: makePlaces(settings),
    key: settings.apiv2key === "" ? undefined : Buffer.from(settings.apiv2key, "utf8"),
    planOf(entry) {
      let plan = plans.get(entry);
      if (plan === undefined) {
        plan = planOf(entry, settings);
        plans.set(entry, plan);
      }
      return plan;
    },
  };
}

/** The policy of the settings in force. */
export class PolicyKeeper {
  readonly #store: SettingsStore;
  readonly #log: Log;
  #settings: Settings;
  #policy: Policy;

  /** Errors: Error that names an option with an item that is no address. */
  constructor(store: SettingsStore, log: Log) {
    this.#store = store;
    this.#log = log;
    this.#settings = store.current;
    this.#policy = makePolicy(this.#settings);
  }

  get current(): Policy {
    if (this.#settings !== this.#store.current) {
      this.#settings = this.#store.current;
      this.renew();
    }
    return this.#policy;
  }

  /** Makes it anew. With a faulty list of addresses the policy before stays: a guess at what was meant could open a door. */
  renew(): void {
    try {
      this.#policy = makePolicy(this.#settings);
    } catch (cause) {
      this.#log.error({ event: "settings", err: cause }, "an option of access is faulty; those before stay in force");
    }
  }
}
