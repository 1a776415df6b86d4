import type { GesturePhase } from './signal.ts';

/** How fast and for how long a gesture goes on, microseconds. */
export interface GestureLimits {
  /** At least this much lies between two moves that receivers see. */
  readonly moveInterval: number;
  /** A gesture that was not heard for this long is over. */
  readonly silence: number;
}

/** Where an open gesture stands in time, microseconds of one clock. */
export interface GestureTimes {
  /** When anything of it last came in. */
  readonly heardAt: number;
  /** When its last move went out; -Infinity before the first. */
  readonly movedAt: number;
  /** Whether a newer move waits. */
  readonly holding: boolean;
}

/**
 * A held move waits this much longer for a newer one, microseconds. The fourth sample of a steady 240 Hz source comes
 * 16.67 ms after the last that went out: it goes out itself, 60 times a second, and nothing older instead of it.
 */
const PATIENCE = 1000;

/** What has to be said before a phase so that receivers see `start move* (end | cancel)`, if anything. */
export function missingBefore(isOpen: boolean, phase: GesturePhase): 'start' | 'cancel' | undefined {
  if (phase === 'start') return isOpen ? 'cancel' : undefined;
  return isOpen ? undefined : 'start';
}

/** Whether a move that comes at `at` goes out now, or waits for its turn or a newer one. */
export function judgeMove({ movedAt }: GestureTimes, { moveInterval }: GestureLimits, at: number): 'send' | 'hold' {
  const since = at - movedAt;
  // A clock that was put back must not hold moves until it has caught up.
  return since >= moveInterval || since < 0 ? 'send' : 'hold';
}

/** What the passing of time asks for: the held move goes out, the gesture is over, or nothing. */
export function judgeWait(times: GestureTimes, limits: GestureLimits, now: number): 'flush' | 'cancel' | 'wait' {
  if (now < nextGestureDeadline(times, limits)) return 'wait';
  return times.holding ? 'flush' : 'cancel';
}

/** When {@link judgeWait} will next say something else than `wait`, if nothing comes before. */
export function nextGestureDeadline(times: GestureTimes, { moveInterval, silence }: GestureLimits): number {
  return times.holding ? times.movedAt + moveInterval + PATIENCE : times.heardAt + silence;
}
