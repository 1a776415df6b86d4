import { RoundRobin } from '../operators/round-robin.ts';

/** The turns in which peers are read that share this thread. */
export function readingTurns(): RoundRobin {
  return new RoundRobin({ now: () => performance.now(), later: setImmediate });
}
