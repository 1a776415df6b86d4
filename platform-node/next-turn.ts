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
