/** Chance that can be repeated: the same seed gives the same numbers, on every machine. */
export interface SeededRandom {
  /** A number from 0 up to, but not including, 1: can stand in for `Math.random`. */
  (): number;
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  /** True this often: 0 never, 1 always. */
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly [T, ...T[]]): T;
  /** How long until something that happens every `mean` on average, whenever it likes: exponentially distributed. */
  wait(mean: number): number;
  /** Chance of its own for one part, so that what one part asks changes nothing for another. */
  fork(name: string): SeededRandom;
}

/**
 * Makes seeded chance (SplitMix32). For tests and simulations; not for secrets.
 *
 * @example
 * ```ts
 * const random = seededRandom(42);
 * random.integer(1, 6) === seededRandom(42).integer(1, 6); // true
 * ```
 */
export function seededRandom(seed: number): SeededRandom {
  let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
  const next = (): number => {
    state = (state + 0x9e37_79b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
  return Object.assign(next, {
    integer: (min: number, max: number) => min + Math.floor(next() * (max - min + 1)),
    chance: (probability: number) => next() < probability,
    pick: <T>(list: readonly [T, ...T[]]): T => list[Math.floor(next() * list.length)] as T,
    wait: (mean: number) => -Math.log(1 - next()) * mean,
    fork: (name: string) => seededRandom(hash(name, seed)),
  });
}

/** FNV-1a over the name, begun with the seed. */
function hash(name: string, seed: number): number {
  let sum = (0x811c_9dc5 ^ seed) >>> 0;
  for (let i = 0; i < name.length; i++) sum = Math.imul(sum ^ name.charCodeAt(i), 0x0100_0193) >>> 0;
  return sum;
}
