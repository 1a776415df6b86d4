/** How much of the time that passes is given back while this clock is ahead of the given one. */
const GIVE_BACK = 0.1;

/** What was read last from the given clock, how far this one is ahead of it, and what this one gave last. */
const [READ, AHEAD, LAST] = [0, 1, 2];

/**
 * A clock that never goes back, whatever the given one does. When that is put back, this one goes on from where it
 * was, a tenth slower until they agree again: nobody who waits for a time waits longer because a clock was corrected.
 * What is no number changes nothing.
 *
 * @example
 * ```ts
 * const readings = [5, 3, 13];
 * const now = neverBack(() => readings.shift() ?? 0);
 * [now(), now(), now()]; // [5, 5, 14]: ten have passed since 3, of which one is given back
 * ```
 */
export function neverBack(now: () => number): () => number {
  // Not three variables: each number that a closure keeps would be a new object at every reading, of which there are many.
  const kept = new Float64Array([Number.NEGATIVE_INFINITY, 0, 0]);
  return () => {
    const time = now();
    const read = kept[READ] as number;
    const last = kept[LAST] as number;
    if (time === read) return last; // as it does for all that comes within one step of a coarse clock
    const passed = time - read;
    if (passed < 0) kept[AHEAD] = (kept[AHEAD] as number) - passed;
    else if (passed > 0) kept[AHEAD] = Math.max(0, (kept[AHEAD] as number) - passed * GIVE_BACK);
    else return last;
    kept[READ] = time;
    const given = time + (kept[AHEAD] as number);
    if (!(given > last)) return last;
    kept[LAST] = given;
    return given;
  };
}
