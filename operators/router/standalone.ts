/**
 * A frame to keep for longer than this turn: the same one, or a copy where it lies within a larger buffer, as a
 * forwarded frame does, which must not stay in memory for it.
 *
 * A frame at the beginning of its buffer is taken to be all of it. Asking for the length of the buffer instead would
 * give each small array, which lies on the heap, a buffer of its own.
 */
export function standalone(frame: Uint8Array): Uint8Array {
  return frame.byteOffset === 0 ? frame : new Uint8Array(frame);
}
