/** Further fields of a row that was just made, which the request names itself: fieldname0 and fieldval0 to fieldname99 and fieldval99. */
import type { Action, ActionContext } from "../engine/contracts.js";
import { builders, send } from "../engine/database/builder.js";
import { cellText } from "../engine/database/cells.js";
import type { Column } from "../engine/database/database.js";
import { ApiError } from "../engine/errors.js";
import { columnOf, listOf, valueFor } from "./fields.js";

const MOST = 100;
const TABLE = "tb_users";

function changesOf({ request }: ActionContext, columns: readonly Column[], allowed: ReadonlySet<string>) {
  const changes: Record<string, string | number | null> = {};
  for (let index = 0; index < MOST; index += 1) {
    const parameter = `fieldname${index}`;
    const name = cellText(request.params.get(parameter)).toLowerCase();
    if (name === "") continue;
    const column = columnOf(name, columns, parameter);
    if (!allowed.has(name)) throw new ApiError("access denied", `${parameter}: ${name} can't be set here`);
    changes[name] = valueFor(column, cellText(request.params.get(`fieldval${index}`)), "");
  }
  return changes;
}

const extrafields: Action = {
  name: "extrafields",
  operations: {
    set: {
      summary: "Sets the fields of a user that the request names, of those that are allowed.",
      input: { user: "Id of the user.", allowed: "Names of fields." },
      transactional: true,
      async run({ user, allowed }, context) {
        const { session, services } = context;
        const columns = (await services.database.schema()).get(TABLE) ?? [];
        const changes = changesOf(context, columns, listOf(allowed));
        if (Object.keys(changes).length > 0)
          await send(session, builders[session.dialect](TABLE).where("id", Number(user)).update(changes));
        return { set: Object.keys(changes).length };
      },
    },
  },
};

export default extrafields;
