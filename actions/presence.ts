/** Who is there: what users say of themselves with `presence_set`, and registered phones as the switch keeps them in tb_users. */
import { isRegistered } from "../engine/admit/standing.js";
import type { Action, ActionContext } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { fromDatetime } from "../engine/datetime.js";
import type { Row } from "../engine/request.js";

/** What `status` tells, and the word that softphones know for it. */
const MISSING = { status: 0, word: "notexists" };
const OFFLINE = { status: 1, word: "offline" };
const ONLINE = { status: 2, word: "online" };
const IN_CALL: ReadonlyMap<number, typeof ONLINE> = new Map([
  [3, { status: 3, word: "callsetup" }],
  [4, { status: 4, word: "speaking" }],
]);

/** Of users who are away or don't want to be seen. */
const HIDDEN: ReadonlySet<string> = new Set(
  "offline closed close unreachable unregistered invisible unknown notexists".split(" "),
);

/** What users say holds as long as a registration does; a call comes before it, unless they hide. */
function seen(row: Row | undefined, offlineMinutes: number): typeof ONLINE {
  if (row === undefined) return MISSING;
  const now = Date.now();
  const isRecent = fromDatetime(cellText(row["datum"])) > now - offlineMinutes * 60_000;
  const said = isRecent ? cellText(row["pstatus"]) : "";
  if (HIDDEN.has(said.toLowerCase())) return OFFLINE;
  const phone = isRegistered(row, offlineMinutes, now);
  const call = phone ? IN_CALL.get(Number(row["status"])) : undefined;
  if (call !== undefined) return call;
  if (said !== "") return { ...ONLINE, word: said };
  return phone ? ONLINE : OFFLINE;
}

async function rowsOf(names: readonly string[], { session }: ActionContext): Promise<ReadonlyMap<string, Row>> {
  const { rows } = await session.run({
    text: `select u.username, u.status, u.statusdate, p.pstatus, p.datum from tb_users u
      left join tb_presence p on p.userid = u.id
      where u.username in (${names.map(() => "?").join(", ")}) and u.enabled = 1 and u.temporarydisabled = 0`,
    values: names,
  });
  return new Map(rows.map((row) => [cellText(row["username"]).toLowerCase(), row]));
}

const presence: Action = {
  name: "presence",
  operations: {
    look: {
      summary:
        "Whether users are there, in the order in which they are named: `status` and `word` of the first, `list` of all as name:word.",
      input: { names: "User names with commas between them." },
      transactional: true,
      async run(input, context) {
        const names = cellText(input["names"]).split(",");
        const found = await rowsOf(names, context);
        const { userofflinemin } = context.services.settings.current;
        const rows = names.map((username) => ({
          username,
          ...seen(found.get(username.toLowerCase()), userofflinemin),
        }));
        const list = rows.map(({ username, word }) => `${username}:${word}`).join(",");
        return { ...rows[0], list, rows, columns: ["username", "status", "word"] };
      },
    },
  },
};

export default presence;
