/** Push notifications: one item of the outbox for each token of the user. */
import type { Action, ActionContext, DeliveredItem, Input, Services } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import { type Notification, push, pushLacks, TokenGone } from "../engine/push/gateway.js";
import type { Row } from "../engine/request.js";

const TOKENS = "select token, platform, package from tb_pushtokens where userid = ? order by id";

/** The one that was given, or those that are stored of the user. Errors: ApiError "not found". */
async function tokensOf(input: Input, { session }: ActionContext): Promise<Row[]> {
  if (cellText(input["token"]) !== "") return [{ token: cellText(input["token"]) }];
  const [platform, wanted] = [cellText(input["platform"]), cellText(input["package"])];
  const { rows } = await session.run({ text: TOKENS, values: [Number(input["user"])] });
  const fitting = rows.filter(
    (row) => (platform === "" || row["platform"] === platform) && (wanted === "" || row["package"] === wanted),
  );
  if (fitting.length > 0) return fitting;
  throw new ApiError("not found", "no push token of this user is known; send to_token, or store it in tb_pushtokens");
}

async function send(input: Input, context: ActionContext) {
  const text = (name: string, row: Row = {}) => cellText(row[name] ?? input[name]);
  const tokens = await tokensOf(input, context);
  for (const row of tokens) {
    const notification: Notification = {
      type: text("type"),
      from: text("from"),
      to: text("to"),
      title: text("title"),
      message: text("message"),
      platform: text("platform", row),
      package: text("package", row),
      token: text("token", row),
    };
    const lacks = pushLacks(notification.token, context.services.settings.current);
    if (lacks !== undefined) throw new ApiError("not configured", lacks);
    await context.store({ kind: "push.deliver", body: notification });
  }
  return { count: tokens.length };
}

/** A token that the push service knows no more is forgotten. */
async function deliver(item: DeliveredItem, { services, signal }: { services: Services; signal: AbortSignal }) {
  const notification = item.body as Notification;
  try {
    await push(notification, services.settings.current, signal);
  } catch (cause) {
    if (!(cause instanceof TokenGone)) throw cause;
    await services.database.run({ text: "delete from tb_pushtokens where token = ?", values: [notification.token] });
    throw cause;
  }
  return undefined;
}

const action: Action = {
  name: "push",
  operations: {
    send: {
      summary: "Sends a notification to a token, or to all of a user.",
      input: {
        user: "Id of the account.",
        to: "Its name.",
        "from?": "Who sends it.",
        "type?": "A word for the app.",
        title: "Shown in bold.",
        message: "Shown below.",
        "platform?": "Only to this platform.",
        "package?": "Only to this app.",
        "token?": "Only to this token.",
      },
      transactional: true,
      run: send,
    },
  },
  deliveries: {
    deliver: {
      summary: "Hands a notification to the push gateway, or to a browser's push service.",
      seconds: 30,
      tries: 12,
      deliver,
    },
  },
};

export default action;
