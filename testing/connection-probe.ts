import { filter, firstValueFrom, type Observable, Subject, timeout, timer } from 'rxjs';
import type { Connection } from '../core/connection/connection.ts';
import { ClaspError } from '../core/errors.ts';

/** How long a law waits for what must come; reached only when it does not. */
const PATIENCE = 20_000;

/** What one end of a connection has received. */
export interface ConnectionProbe {
  /** The frames, in order: as they came where the connection hands them over, else copies. */
  readonly frames: readonly Uint8Array[];
  /** How `incoming` ended, in words: `completed`, or code and reason of the error. One entry, if the law is kept. */
  readonly ends: readonly string[];
  /** Resolves when the condition holds; it is looked at after each arrival. Rejects, naming `what`, after 20 s. */
  until(what: string, condition: () => boolean): Promise<void>;
  /** Calls back while each further frame is received. */
  answer(respond: (frame: Uint8Array) => void): void;
  /** Unsubscribes. */
  stop(): void;
}

/** Listens to `incoming` from now on. */
export function probe({ incoming, handsOver }: Connection): ConnectionProbe {
  const frames: Uint8Array[] = [];
  const ends: string[] = [];
  const changes = new Subject<void>();
  let respond: ((frame: Uint8Array) => void) | undefined;
  const subscription = incoming.subscribe({
    next: (frame) => {
      frames.push(handsOver ? frame : frame.slice());
      respond?.(frame);
      changes.next();
    },
    error: (cause) => {
      ends.push(cause instanceof ClaspError ? `${cause.code} ${cause.reason}` : `not a ClaspError: ${cause}`);
      changes.next();
    },
    complete: () => {
      ends.push('completed');
      changes.next();
    },
  });
  return {
    frames,
    ends,
    until: async (what, condition) => {
      if (!condition()) await inTime(what, changes.pipe(filter(condition)));
    },
    answer: (callback) => {
      respond = callback;
    },
    stop: () => subscription.unsubscribe(),
  };
}

/** Waits for the first value, for at most 20 s. */
export async function inTime(what: string, values: Observable<unknown>): Promise<void> {
  const late = () => {
    throw new Error(`waited ${PATIENCE} ms in vain for ${what}`);
  };
  await firstValueFrom(values.pipe(timeout({ first: PATIENCE, with: late })));
}

/** Gives what must not come the time to come. */
export async function pause(milliseconds: number): Promise<void> {
  await firstValueFrom(timer(milliseconds));
}

/** Throws unless the two are the same. */
export function same(what: string, actual: string | number | boolean, expected: string | number | boolean): void {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

/** Throws unless the frames are the same, byte by byte, in the same order. */
export function sameFrames(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  same('number of frames', actual.length, expected.length);
  for (const [i, frame] of actual.entries()) {
    const should = expected[i] as Uint8Array;
    same(`length of frame ${i}`, frame.length, should.length);
    const wrong = frame.findIndex((byte, at) => byte !== should[at]);
    if (wrong >= 0) throw new Error(`frame ${i} differs at byte ${wrong}`);
  }
}

/** A frame of `size` bytes, different for each `seed`. */
export function frameOf(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) + seed * 7) & 0xff);
}

/** A frame of 3 to 42 bytes that holds a number below 65 536. */
export function numbered(number: number): Uint8Array {
  const frame = frameOf(3 + (number % 40), number);
  frame[0] = number >> 8;
  frame[1] = number & 0xff;
  return frame;
}

/** The number in a {@link numbered} frame; -1 where there is none. */
export function numberOf(frame: Uint8Array): number {
  const [high, low] = frame;
  return high === undefined || low === undefined ? -1 : high * 256 + low;
}
