/** Phone numbers as people write them, made international: digits that begin with the country's code. */
import { type CountryCode, getCountries, isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js/max";

export interface NormalNumber {
  /** Digits, without a sign in front. */
  number: string;
  /** What made it so, in words for whoever wants to know. */
  rule: string;
  /** Of a number that can be given to somebody: its country (ISO 3166), or empty. */
  country: string;
}

/** What may stand in a number beside its digits; a plus sign that was not percent-encoded arrives as a blank. */
const WRITTEN = /^\s*\(?\+?[\s(]*\d[\d\s\-./()]*$/;
const HAS_PLUS = /^(\s|\(?\+)/;
const MOST_DIGITS = 32;

/**
 * `+`, `00` and what the country dials before a foreign number lead an international one. Otherwise digits that are a whole
 * international number are one; then digits that are a whole number of the country (ISO 3166, empty for none) in its national
 * form; all else, such as a prefix, stays as it is. undefined for what is no number.
 */
export function normalNumber(sent: string, country: CountryCode | undefined): NormalNumber | undefined {
  const digits = sent.replace(/\D/g, "");
  if (!WRITTEN.test(sent) || digits.length > MOST_DIGITS) return undefined;
  if (HAS_PLUS.test(sent)) return international(digits, "+ in front");
  if (/^00\d/.test(digits)) return international(digits.slice(2), "00 in front");
  const asItIs = international(digits, "digits as they are");
  if (asItIs.country !== "" || country === undefined) return asItIs;
  const local = parsePhoneNumberFromString(digits, { defaultCountry: country, extract: false });
  if (local === undefined || !local.isValid()) return asItIs;
  const rule =
    local.country === country ? `national form of ${country}` : `what ${country} dials before a foreign number`;
  return { number: local.number.slice(1), rule, country: local.country ?? "" };
}

function international(digits: string, rule: string): NormalNumber {
  const parsed = parsePhoneNumberFromString(`+${digits}`, { extract: false });
  return { number: digits, rule, country: parsed?.isValid() === true ? (parsed.country ?? "") : "" };
}

/** ISO 3166 of a country as accounts have it: `HU`, `Hungary`, `USA`; undefined for what is none. */
export function countryCode(text: string): CountryCode | undefined {
  const word = text.trim().toLowerCase();
  const code = word.toUpperCase();
  if (isSupportedCountry(code)) return code;
  return COUNTRY_NAMES.get(word);
}

/** Names in common use beside those of the standard. */
const ALSO: Readonly<Record<string, CountryCode>> = {
  usa: "US",
  "united states of america": "US",
  uk: "GB",
  england: "GB",
  "great britain": "GB",
  macedonia: "MK",
  "czech republic": "CZ",
  turkey: "TR",
};

const ENGLISH = new Intl.DisplayNames(["en"], { type: "region" });
const COUNTRY_NAMES: ReadonlyMap<string, CountryCode> = new Map([
  ...getCountries().map((code) => [(ENGLISH.of(code) ?? code).toLowerCase(), code] as const),
  ...Object.entries(ALSO),
]);
