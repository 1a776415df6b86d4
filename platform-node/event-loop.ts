import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RoundRobin } from '../operators/round-robin.ts';

/**
 * Has some work done in the next turn of the event loop, after what has arrived by then; calling what it gives calls it
 * off. For the router's `nextTurn`.
 *
 * @example
 * ```ts
 * const callOff = nextTurn(() => console.log('a turn later'));
 * callOff();
 * ```
 */
export function nextTurn(work: () => void): () => void {
  const immediate = setImmediate(work);
  return () => clearImmediate(immediate);
}

/** The turns in which peers are read that share this thread. */
export function readingTurns(): RoundRobin {
  return new RoundRobin({ now: () => performance.now(), later: setImmediate });
}

type Collect = (options?: { readonly type: 'minor' }) => void;

let collect: Collect | undefined;

/**
 * Has V8 collect young garbage now, some milliseconds at most; does nothing where the engine cannot be asked to. For the
 * router's `collectYoung`.
 *
 * @example
 * ```ts
 * collectYoung();
 * ```
 */
export function collectYoung(): void {
  collect ??= find();
  collect({ type: 'minor' });
}

/** Has V8 collect all garbage now, which takes as long as there is much that lives; does nothing where it cannot be asked to. */
export function collectAll(): void {
  collect ??= find();
  collect();
}

/** V8 gives the function to contexts that are made while it is told to: https://nodejs.org/api/v8.html#v8setflagsfromstringflags */
function find(): Collect {
  try {
    v8.setFlagsFromString('--expose-gc');
    const found = runInNewContext('gc') as Collect;
    v8.setFlagsFromString('--no-expose-gc');
    return found;
  } catch {
    return () => undefined;
  }
}
