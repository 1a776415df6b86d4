/**
 * A clock that never goes back, whatever the given one does: while that is behind what was told already, this one
 * stands still. What is no number changes nothing.
 *
 * @example
 * ```ts
 * const readings = [5, 3, 6];
 * const now = neverBack(() => readings.shift() ?? 0);
 * [now(), now(), now()]; // [5, 5, 6]
 * ```
 */
export function neverBack(now: () => number): () => number {
  let last = 0;
  return () => {
    const time = now();
    if (time > last) last = time;
    return last;
  };
}
