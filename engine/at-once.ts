/** Goes on at once where nothing has to be waited for: each promise costs a request a turn of the queue. */
export const andThen = <T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> =>
  value instanceof Promise ? value.then(next) : next(value);
