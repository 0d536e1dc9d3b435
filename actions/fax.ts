/** Faxes: files of the public storage, posted to the owner's fax gateway after the answer. */
import type { Action, Booking, DeliveredItem, Services } from "../engine/contracts.js";
import { ApiError, PassingError } from "../engine/errors.js";
import { mediaTypeOf } from "../engine/files/content.js";
import { Folder } from "../engine/files/folder.js";
import type { Row } from "../engine/request.js";

const KIND = "fax.send";

/** The gateway's address. Errors: ApiError "not configured". */
function gatewayOf({ settings }: Services): URL {
  const { faxgateway } = settings.current;
  if (faxgateway === "") throw new ApiError("not configured", "set faxgateway to the address of an HTTP fax gateway");
  if (URL.canParse(faxgateway) && /^https?:/i.test(faxgateway)) return new URL(faxgateway);
  throw new ApiError("not configured", "faxgateway must be an address such as https://fax.example.com/send");
}

const idOf = (item: DeliveredItem): number => Number((item.body as { fax: number }).fax);

async function faxOf(item: DeliveredItem, { database }: Services): Promise<Row> {
  const { rows } = await database.run({
    text: "select fromnumber, tonumber, file from tb_faxes where id = ?",
    values: [idOf(item)],
  });
  if (rows[0] === undefined) throw new Error("the fax was deleted from tb_faxes");
  return rows[0];
}

async function formOf(fax: Row, { settings }: Services): Promise<FormData> {
  const { filestorage, maxfilesize } = settings.current;
  const name = String(fax["file"]);
  const bytes = await new Folder(filestorage).read(name, maxfilesize);
  const form = new FormData();
  form.set("from", String(fax["fromnumber"]));
  form.set("to", String(fax["tonumber"]));
  form.set("file", new Blob([bytes], { type: mediaTypeOf(name) }), name.split("/").at(-1));
  return form;
}

/** Errors: PassingError where the gateway can't be reached or is busy, Error where it refuses. */
async function post(url: URL, form: FormData, key: string, signal: AbortSignal): Promise<void> {
  const headers = key === "" ? {} : { authorization: `Bearer ${key}` };
  const response = await fetch(url, { method: "POST", body: form, headers, signal, redirect: "manual" }).catch(
    (cause: unknown) => {
      throw new PassingError("the fax gateway can't be reached", { cause });
    },
  );
  await response.body?.cancel();
  if (response.ok) return;
  const refusal = `the fax gateway answered ${response.status}`;
  throw response.status >= 500 || response.status === 429 ? new PassingError(refusal) : new Error(refusal);
}

const booking =
  (id: number, status: "sent" | "failed", reason: string): Booking =>
  async (session) => {
    await session.run({
      text: "update tb_faxes set status = ?, reason = ? where id = ?",
      values: [status, reason.slice(0, 255), id],
    });
  };

const fax: Action = {
  name: "fax",
  operations: {
    queue: {
      summary: "Has a row of tb_faxes sent to the fax gateway after the answer.",
      input: { fax: "Id of the row." },
      transactional: true,
      async run({ fax: id }, { services, store }) {
        gatewayOf(services);
        await store({ kind: KIND, body: { fax: Number(id) } });
        return {};
      },
    },
  },
  deliveries: {
    send: {
      summary: "Posts the file to the gateway, and notes what became of it.",
      seconds: 60,
      tries: 10,
      async deliver(item, { services, signal }) {
        const url = gatewayOf(services);
        const form = await formOf(await faxOf(item, services), services);
        await post(url, form, services.settings.current.faxgatewaykey, signal);
        return booking(idOf(item), "sent", "");
      },
      givenUp: (item, reason) => booking(idOf(item), "failed", reason),
    },
  },
};

export default fax;
