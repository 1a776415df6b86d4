/** A value that is there at once, or will be. */
export type Answer<T> = T | PromiseLike<T>;

/**
 * Work in steps, each of which may have to wait for an {@link Answer}: written with `yield* wait(…)` where an async
 * function has `await`, so that it is done at once, and in virtual time, where all answers are there at once.
 */
export type Steps<T> = Generator<PromiseLike<unknown>, T, unknown>;

/** Waits for one answer inside {@link Steps}: gives its value, or throws what it was rejected with. */
export function* wait<T>(answer: Answer<T>): Steps<T> {
  return isPending(answer) ? ((yield answer) as T) : answer;
}

/**
 * Does the work: gives its result at once (or throws at once) when nothing had to be waited for, and a promise of it
 * from the first answer on that was not there yet.
 */
export function follow<T>(steps: Steps<T>): Answer<T> {
  return settled(steps, steps.next());
}

/** {@link follow} where every answer is known to come at once. */
export function followNow<T>(steps: Steps<T>): T {
  const answer = follow(steps);
  if (isPending(answer)) throw new TypeError('an answer that was to come at once did not');
  return answer;
}

function settled<T>(steps: Steps<T>, { done, value }: IteratorResult<PromiseLike<unknown>, T>): Answer<T> {
  if (done) return value;
  return value.then(
    (input) => settled(steps, steps.next(input)),
    (reason: unknown) => settled(steps, steps.throw(reason)),
  );
}

/** Whether an answer is still to come. */
export function isPending<T>(answer: Answer<T>): answer is PromiseLike<T> {
  return typeof (answer as PromiseLike<T> | null | undefined)?.then === 'function';
}
