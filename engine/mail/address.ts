/** Email addresses: one mailbox, nothing that could end a header or begin another recipient. */

/** A JavaScript and JSON Schema pattern. */
export const EMAIL_PATTERN = String.raw`^[^\s\x00-\x1f\x7f@<>()\[\],;:"\\]+@[^\s\x00-\x1f\x7f@<>()\[\],;:"\\]+\.[^\s\x00-\x1f\x7f@<>()\[\],;:"\\.]+$`;

const EMAIL = new RegExp(EMAIL_PATTERN, "u");
const LONGEST = 254;

export const isEmailAddress = (text: string): boolean => text.length <= LONGEST && EMAIL.test(text);
