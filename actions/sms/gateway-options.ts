/** Through what messages go: an HTTP gateway where `smsurl` is set, else an SMS centre. */
import { ApiError } from "../../engine/errors.js";
import type { Settings } from "../../engine/settings.js";

/** Errors: ApiError "not configured" that names the option. */
export function checkGateway(settings: Settings): void {
  if (settings.smsurl !== "") checkHttpGateway(settings);
  else if (settings.smpphost === "") throw new ApiError("not configured", "set smsurl or smpphost to send SMS");
}

/** Values stand behind the question mark only, each encoded, so that none becomes part of a host or a path. */
function checkHttpGateway({ smsurl, smsreporturl, smssecret }: Settings): void {
  const mark = smsurl.indexOf("?");
  const [base, query] = [smsurl.slice(0, mark), smsurl.slice(mark)];
  const usable = mark > 0 && /^https?:\/\//i.test(base) && URL.canParse(base) && !base.includes("{");
  if (!usable || !query.includes("{to}") || !query.includes("{text}"))
    throw new ApiError(
      "not configured",
      "smsurl must be an http address with {to} and {text} behind its question mark",
    );
  if (query.includes("{dlr}") && (!URL.canParse(smsreporturl) || smssecret === ""))
    throw new ApiError("not configured", "smsurl has {dlr}: set smsreporturl and smssecret, too");
}

/** True when somebody tells later whether a message was delivered: by its id here, or by the gateway's. */
export const reportsDelivery = ({ smsurl, smsidpattern }: Settings): boolean =>
  smsurl === "" || smsurl.includes("{dlr}") || smsidpattern !== "";
