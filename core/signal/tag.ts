let last = 0;

/**
 * A number that no other signal of this process has: `set` and `emit` take it as `tag`, and whoever hears the signal in the
 * same process is told it.
 */
export function nextTag(): number {
  last = (last % 0xffff_ffff) + 1;
  return last;
}
