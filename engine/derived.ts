/** Things made of the settings: made again when the settings in force are others, kept otherwise. */
import type { Log } from "./log.js";
import type { Settings, SettingsStore } from "./settings.js";

/**
 * Gives a function that answers the thing for the settings in force. Where a later change of the settings can't be used,
 * the fault is logged and the thing before stays. Errors: what `make` throws for the first settings.
 */
export function derived<T>(store: SettingsStore, log: Log, make: (settings: Settings) => T): () => T {
  let madeOf = store.current;
  let thing = make(madeOf);
  return () => {
    if (madeOf !== store.current) {
      madeOf = store.current;
      try {
        thing = make(madeOf);
      } catch (err) {
        log.error(
          { event: "setting not usable", err },
          "a changed setting can't be used; the one before stays in force",
        );
      }
    }
    return thing;
  };
}
