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
  const { credit } = definition;
  const preset = PRESETS[definition.preset];
  // Field by field: spreads took a row of tb_api longer than its statement.
  return {
    key: definition.key ?? preset.key,
    ip: definition.ip ?? preset.ip,
    user: definition.user ?? preset.user,
    mode: definition.mode ?? preset.mode,
    credit: credit === undefined ? preset.credit : credit === null ? null : String(credit),
    register: definition.register === undefined ? preset.register : definition.register,
    login: definition.login === undefined ? preset.login : definition.login,
    console: preset.console,
    limit: definition.limit ?? preset.limit,
  };
}

/** The preset that is nearest to what a row says of its callers. */
export const presetOfUser = (user: AccessRule["user"]): Preset =>
  user === 14 ? "public" : user >= 11 ? "user" : "admin";
