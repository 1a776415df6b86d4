import type { TimestampProvider } from 'rxjs';

/** How much of the time that passes is given back while this clock is ahead of the given one. */
const GIVE_BACK = 0.1;
/** Microseconds after which the given clock is compared with the steady one, and by which it must be off to have been set. */
const COMPARED_AFTER = 500_000;

/**
 * A clock that never goes back, whatever the given one does. When that is put back, this one goes on from where it
 * was, a tenth slower until they agree again: nobody who waits for a time waits longer because a clock was corrected.
 * What is no number changes nothing. Tells whole microseconds, as they travel on the wire.
 *
 * @param steady a monotonic clock in milliseconds, as a scheduler is: when the given clock is set by more than half a
 * second in either direction, this one goes on as `steady` does, so that the time between two readings is always the
 * time that has passed. @defaultValue none: a step ahead is followed, one back is given back
 *
 * @example
 * ```ts
 * const readings = [5, 3, 13];
 * const now = monotonic(() => readings.shift() ?? 0);
 * [now(), now(), now()]; // [5, 5, 14]: ten have passed since 3, of which one is given back
 * ```
 */
export function monotonic(now: () => number, steady?: TimestampProvider): () => number {
  const given = steady ? withoutSteps(now, steady) : now;
  let read = Number.NEGATIVE_INFINITY;
  let ahead = 0;
  let last = 0;
  return () => {
    const time = given();
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

/** The given clock, less the steps by which it was set. */
function withoutSteps(now: () => number, steady: TimestampProvider): () => number {
  let steps = 0;
  let comparedAt = Number.NaN;
  let steadyAt = 0;
  return () => {
    const time = now();
    const passed = time - comparedAt;
    // Most readings follow each other closely: they cost one clock, not two.
    if (passed >= 0 && passed < COMPARED_AFTER) return time - steps;
    if (!Number.isFinite(time)) return time;
    const steadyTime = steady.now() * 1_000;
    const step = passed - (steadyTime - steadyAt);
    if (Math.abs(step) > COMPARED_AFTER) steps += step;
    comparedAt = time;
    steadyAt = steadyTime;
    return time - steps;
  };
}
