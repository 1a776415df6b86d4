import { type SchedulerLike, Subscription } from 'rxjs';

/** Milliseconds. Host timers overflow beyond it and fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Calls `end` when the rights of a token end, in milliseconds since the Unix epoch, however far that is; never for undefined. */
export function atExpiry(expiresAt: number | undefined, scheduler: SchedulerLike, end: () => void): Subscription {
  const waiting = new Subscription();
  if (expiresAt === undefined) return waiting;
  const wait = () => {
    const left = expiresAt - scheduler.now();
    if (left > LONGEST_TIMER) waiting.add(scheduler.schedule(wait, LONGEST_TIMER));
    else waiting.add(scheduler.schedule(end, Math.max(0, left)));
  };
  wait();
  return waiting;
}
