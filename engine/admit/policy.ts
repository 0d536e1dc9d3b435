/** What the checks derive from the settings, so that a request finds it ready. */
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
  #policy: Policy;

  constructor(store: SettingsStore) {
    this.#store = store;
    this.#policy = makePolicy(store.current);
  }

  get current(): Policy {
    if (this.#policy.settings !== this.#store.current) this.renew();
    return this.#policy;
  }

  /** Makes it anew: this machine's addresses may be others. */
  renew(): void {
    this.#policy = makePolicy(this.#store.current);
  }
}
