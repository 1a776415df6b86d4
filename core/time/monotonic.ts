/** How much of the time that passes is given back while this clock is ahead of the given one. */
const GIVE_BACK = 0.1;

/**
 * A clock that never goes back, whatever the given one does. When that is put back, this one goes on from where it
 * was, a tenth slower until they agree again: nobody who waits for a time waits longer because a clock was corrected.
 * What is no number changes nothing. Tells whole microseconds, as they travel on the wire.
 *
 * @example
 * ```ts
 * const readings = [5, 3, 13];
 * const now = monotonic(() => readings.shift() ?? 0);
 * [now(), now(), now()]; // [5, 5, 14]: ten have passed since 3, of which one is given back
 * ```
 */
export function monotonic(now: () => number): () => number {
  let read = Number.NEGATIVE_INFINITY;
  let ahead = 0;
  let last = 0;
  return () => {
    const time = now();
    if (time === read) return last; // as it does for all that comes within one step of a coarse clock
    const passed = time - read;
    if (passed < 0) ahead -= passed;
    else if (ahead > 0 && passed > 0) ahead = Math.max(0, ahead - passed * GIVE_BACK);
    else if (!(passed >= 0)) return last;
    read = time;
    if (time + ahead > last) last = Math.floor(time + ahead);
    return last;
  };
}
