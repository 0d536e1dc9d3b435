/** A number as it is stored: without signs, and without `+` or `00` in front; other texts lose only the signs. */
export const digitsOf = (number: string): string => number.replace(/[\s\-./()]/g, "").replace(/^(\+|00)/, "");
