/** `/xmapi/COMMAND?...` as a request for an entry. */
import type { Incoming } from "../contracts.js";
import { ApiError } from "../errors.js";
import { Parameters } from "../parameters.js";
import { percentDecoded } from "../query.js";
import type { OldRequest } from "../request.js";
import type { Target } from "../target.js";
import { OLD_COMMANDS, OLD_NAMES, OLD_WORDS, type OldCommand, type OldForm } from "./table.js";

const PATH = "/xmapi/";
/** The word that ends a request; what a cache is kept away with may stand behind it. */
const END = /(?:^|&|\s|%20)now(?:=[^&\s]*)?\s*$/i;

/** The parameters as an entry of today takes them. Errors: ApiError. */
export function readOld({ path, query }: Target, { body }: Incoming): { params: Parameters; old: OldRequest } {
  const name = path.slice(path.indexOf(PATH) + PATH.length).replace(/\/$/, "");
  const command = OLD_COMMANDS.get(name);
  if (command === undefined)
    throw new ApiError("unknown entry", `${name.replace(/\W/g, "?").slice(0, 64)} is no command of the old interface`);
  const params = new Parameters();
  const words: string[] = [];
  for (const text of [query, body.toString("utf8")]) readPairs(text, command, params, words);
  const form = words.length === 0 ? undefined : formOf(words, command);
  for (const [index, word] of form?.words.entries() ?? []) params.add(word, words[index] ?? "");
  const entry = form?.entry ?? command.entry;
  params.add("apientry", entry);
  const pincode = nameByPin(params);
  const trusted = command.trusted === true && entry === command.entry;
  return { params, old: { answer: command.answer ?? "ok", trusted, pincode } };
}

/** Values are not encoded, so a plus sign is one; what browsers encode nevertheless is decoded. */
function readPairs(text: string, { names = {} }: OldCommand, params: Parameters, words: string[]): void {
  const parts = text.trim().replace(END, "").split("&").map(percentDecoded);
  for (const part of parts) {
    const equals = part.indexOf("=");
    if (equals < 0) words.push(...part.split(/\s+/).filter((word) => word !== ""));
    else {
      const name = part.slice(0, equals).trim().toLowerCase();
      params.add(names[name] ?? OLD_NAMES.get(name) ?? name, part.slice(equals + 1));
    }
  }
}

/** Errors: ApiError that tells what the words may be. */
function formOf(words: readonly string[], { forms = [] }: OldCommand): OldForm {
  const fits = (form: OldForm) =>
    form.words.length === words.length &&
    form.words.every((name, index) => OLD_WORDS.get(name)?.test(words[index] ?? "") ?? true);
  const form = forms.find(fits);
  if (form !== undefined) return form;
  const told = forms.map(({ words: names }) => names.join(" ")).join(", or ") || "name=value";
  throw new ApiError("wrong parameter", `these words are not understood: send ${told}`);
}

/** A PIN that tells who calls stands for the name and for the password. */
function nameByPin(params: Parameters): boolean {
  const pin = params.text("pincode");
  if (pin === undefined || params.text("authid") !== undefined) return false;
  params.add("authid", pin);
  params.add("authpwd", pin);
  return true;
}
