/**
 * The time in whole microseconds since the Unix epoch. It never steps back: it is the wall clock when the page was
 * opened plus the monotonic time since then, so a corrected wall clock does not move it. Browsers round it, to between
 * 5 µs and 1 ms; some do not count the time that the device sleeps.
 *
 * @example
 * ```ts
 * const before = clock();
 * console.log(clock() - before, 'µs');
 * ```
 */
export function clock(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}
