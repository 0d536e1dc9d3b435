/** Where in a statement something stands, when it stands there once only. */

/** Offset of the only place of `part`. */
export function onlyPlace(text: string, part: string): number | undefined {
  const place = text.indexOf(part);
  return place >= 0 && text.indexOf(part, place + 1) < 0 ? place : undefined;
}

/** Offset of the only word that is `name`, without regard to case. */
export function onlyWord(text: string, name: string): number | undefined {
  const wanted = name.toLowerCase();
  const places = [...text.matchAll(/[\p{L}\p{N}_$]+/gu)].filter(([word]) => word.toLowerCase() === wanted);
  return places.length === 1 ? places[0]?.index : undefined;
}
