/** Long lists in pieces of which each fits into one message to the database. */
export interface BatchLimits {
  /** Most items of one batch. */
  items: number;
  /** A batch ends with the item by which it has so many characters. */
  characters: number;
}

/** The items in their order; the batches may be taken by several that share the iterator. */
export function* batchesOf<T>(
  items: Iterable<T>,
  lengthOf: (item: T) => number,
  limits: BatchLimits,
): Generator<readonly T[]> {
  let batch: T[] = [];
  let characters = 0;
  for (const item of items) {
    batch.push(item);
    characters += lengthOf(item);
    if (batch.length < limits.items && characters < limits.characters) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}
