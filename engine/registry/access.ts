/** Who may call: the presets of the `req_*` fields. */
import type { AccessDefinition, Preset } from "./definition.js";
import type { AccessRule } from "./entry.js";

const COMMON = {
  key: true,
  ip: false,
  mode: 0,
  credit: null,
  register: 0,
  login: null,
  console: false,
  limit: "common",
} as const;

const PRESETS: Readonly<Record<Preset, AccessRule>> = {
  public: { ...COMMON, user: 14, login: 0 },
  user: { ...COMMON, user: 12, register: null },
  sensitive: { ...COMMON, ip: true, user: 6 },
  admin: { ...COMMON, user: 6 },
  console: { ...COMMON, key: false, user: 10, login: 0, console: true },
};

/** The rule of a preset with the parts that are said otherwise. */
export function accessRule(definition: Preset | AccessDefinition): AccessRule {
  if (typeof definition === "string") return PRESETS[definition];
  const { preset, credit, ...said } = definition;
  return {
    ...PRESETS[preset],
    ...said,
    ...(credit === undefined ? {} : { credit: credit === null ? null : String(credit) }),
  };
}

/** The preset that is nearest to what a row says of its callers. */
export const presetOfUser = (user: AccessRule["user"]): Preset =>
  user === 14 ? "public" : user >= 11 ? "user" : "admin";
