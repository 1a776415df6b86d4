/**
 * Makes UUIDs of version 4 from a number: the same seed gives the same ids, so that a simulated run can be repeated.
 * Not secret; a platform gives the router its own source of randomness.
 */
export function sessionIds(seed: number): () => string {
  let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
  // SplitMix32: every step visits a new state, so ids repeat only after 2^32 numbers.
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const hex = () => next().toString(16).padStart(8, '0');

  return () => {
    const digits = hex() + hex() + hex() + hex();
    const variant = '89ab'[next() & 3];
    return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20)}`;
  };
}
