/** What a text lists: parted by commas, semicolons or blanks. */
export const listItems = (text: string): string[] => text.split(/[\s,;]+/).filter((item) => item !== "");
