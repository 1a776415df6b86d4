/** Below this a loop is faster than `set(subarray())`. */
const MAX_LOOP = 96;

/** Copies `from[start..end)` to where `to[at]` begins. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > MAX_LOOP) {
    const whole = start === 0 && end === from.length;
    to.set(whole ? from : from.subarray(start, end), at);
    return;
  }
  for (let i = start, j = at; i < end; i++, j++) to[j] = from[i] as number;
}
