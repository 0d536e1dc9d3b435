/** The way that a call would take: each rule that is looked at, and why it wins or not. */
import { countryCode, normalNumber } from "../engine/billing/numbers.js";
import { longestCall, roundingOf } from "../engine/billing/pricing.js";
import { judgeServers, type SipServer } from "../engine/billing/routes.js";
import type { Action, ActionContext, Rate } from "../engine/contracts.js";
import { parseAmount } from "../engine/database/amount.js";
import { cellText } from "../engine/database/cells.js";
import { ApiError } from "../engine/errors.js";
import type { Cell, Row } from "../engine/request.js";

const USER =
  "select id, username, country, parentid, currency, credit from tb_users where enabled = 1 and temporarydisabled = 0";
const BY_NAME = `${USER} and (username = ? or telnumber = ?) order by username <> ?, id limit 1`;
const BY_ADDRESS = `${USER} and (ip = ? or authip = ? or id in (select userid from tb_users_authip where ip = ?)) order by id limit 1`;
const BY_NUMBER = `select u.id as id, u.username as username from tb_users u where u.enabled = 1 and u.temporarydisabled = 0
  and (u.username in (?, ?) or u.telnumber in (?, ?) or u.shorttelnumber in (?, ?)
    or u.id in (select location from tb_phonenumbers where free = 0 and number = ?)) order by u.id limit 1`;
const SERVERS =
  "select id, username, routing, routingpriority, enabled, temporarydisabled from tb_users where type = 9 order by id";

const step = (rule: string, what: Cell | undefined, result: string, reason: string): Row => ({
  ...{ rule, what: what ?? "", result, reason },
});

/** Who calls, by the address of a trunk or by name or number. Errors: ApiError. */
async function callerOf(ip: string, name: string, { session }: ActionContext): Promise<[Row, Row]> {
  const { rows } = await (ip === ""
    ? session.run({ text: BY_NAME, values: [name, name, name] })
    : session.run({ text: BY_ADDRESS, values: [ip, ip, ip] }));
  const [user] = rows;
  if (user === undefined)
    throw new ApiError(
      "not found",
      ip === "" ? "no user has this name or number" : "no user signs in from this address",
    );
  const by = ip === "" ? "by name or number" : `by the address ${ip}`;
  return [user, step("caller", user["username"], "found", by)];
}

function pricesOf(rates: readonly Rate[], number: string): Row[] {
  const [best] = rates;
  if (best === undefined) return [step("price", number, "refused", "no rate for this number")];
  return rates.map((rate) => {
    const what = `${rate.prefix} ${rate.name}: ${rate.price} ${rate.currency} a minute`;
    if (rate === best) return step("price", what, "chosen", "the longest prefix");
    const why = rate.prefix.length < best.prefix.length ? "a shorter prefix" : "the reseller's own price comes first";
    return step("price", what, "passed over", why);
  });
}

async function serversOf(number: string, rate: Rate | undefined, { session }: ActionContext): Promise<Row[]> {
  const { rows } = await session.run({ text: SERVERS, values: [] });
  const servers = rows.map(
    (row): SipServer => ({
      id: Number(row["id"]),
      name: cellText(row["username"]),
      enabled: Number(row["enabled"]) === 1 && Number(row["temporarydisabled"]) === 0,
      routing: cellText(row["routing"]),
      priority: Number(row["routingpriority"]),
    }),
  );
  return judgeServers(servers, number, rate).map(({ server, chosen, reason }) =>
    step("server", server.name, chosen ? "chosen" : "passed over", reason),
  );
}

function lengthOf(user: Row, rate: Rate, { services }: ActionContext): Row {
  const rounding = roundingOf(services.settings.current);
  const has = `credit ${user["credit"]} ${user["currency"]}`;
  if (user["currency"] !== rate.currency) return step("credit", has, "refused", `the price is in ${rate.currency}`);
  const seconds = longestCall(parseAmount(cellText(user["credit"])) ?? 0n, rate, rounding);
  if (seconds === 0) return step("credit", has, "refused", "not enough credit for the first interval");
  return step("credit", has, seconds === undefined ? "no limit" : `${seconds} s`, "the longest call that it pays");
}

/** What ends the list: where the call goes, or the first rule that refuses it. */
function endOf(rows: readonly Row[]): Row {
  const refusal = rows.find(({ result }) => result === "refused");
  if (refusal !== undefined) return step("route", "none", "refused", cellText(refusal["reason"]));
  const server = rows.find(({ rule, result }) => rule === "server" && result === "chosen");
  if (server === undefined) return step("route", "none", "refused", "no SIP server takes this number");
  return step("route", server["what"], "taken", "all rules allow it");
}

async function routeOf(ip: string, name: string, sent: string, context: ActionContext): Promise<Row[]> {
  const [user, found] = await callerOf(ip, name, context);
  const called = normalNumber(sent, countryCode(cellText(user["country"])));
  const number = called?.number ?? sent;
  const rows = [found, step("called", number, "read", called?.rule ?? "a name as it is")];
  const people = await context.session.run({
    text: BY_NUMBER,
    values: [sent, number, sent, number, sent, number, number],
  });
  const [callee] = people.rows;
  if (callee !== undefined)
    return [
      ...rows,
      step("user", callee["username"], "chosen", "a user of this server has this name or number"),
    ].concat(step("route", callee["username"], "taken", "calls among users don't leave the server"));
  rows.push(step("user", number, "passed over", "no user of this server has this name or number"));
  const rates = context.services.rates.matches(number, Number(user["parentid"] ?? 0), "call");
  rows.push(...pricesOf(rates, number), ...(await serversOf(number, rates[0], context)));
  if (rates[0] !== undefined) rows.push(lengthOf(user, rates[0], context));
  return [...rows, endOf(rows)];
}

const routing: Action = {
  name: "routing",
  operations: {
    test: {
      summary: "The way that a call would take, a row for each rule that is looked at.",
      input: {
        "ip?": "Address of a trunk; else",
        "caller?": "name or number of a user.",
        called: "As it is dialled.",
      },
      transactional: true,
      async run({ ip, caller, called }, context) {
        const rows = await routeOf(cellText(ip), cellText(caller), cellText(called), context);
        return { rows, columns: ["rule", "what", "result", "reason"] };
      },
    },
  },
};

export default routing;
