/**
 * The time in whole microseconds since the Unix epoch. It never steps back: it is the wall clock at the start of the
 * process plus the monotonic time since then, so a corrected wall clock does not move it.
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
