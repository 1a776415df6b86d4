import { filter } from 'rxjs';
import type { Connection } from '../core/connection/connection.ts';
import { ClaspError } from '../core/errors.ts';
import {
  type ConnectionProbe,
  frameOf,
  inTime,
  numbered,
  numberOf,
  pause,
  probe,
  same,
  sameFrames,
} from './connection-probe.ts';

/** Two connections that are each other's peer. */
export interface ConnectionPair {
  readonly a: Connection;
  readonly b: Connection;
  /** Frees what the pair holds; the connections may have ended before. */
  close(): void | Promise<void>;
  /** Holds up what arrives at `b` (or at its process), until `resume`. Absent: cannot be done with this transport. */
  readonly pause?: () => void | Promise<void>;
  readonly resume?: () => void | Promise<void>;
}

/** What a law asks of the pair it needs; what the transport has no bound for it may ignore. */
export interface ConnectionPairOptions {
  readonly maxFrame?: number;
  readonly highWater?: number;
  readonly lowWater?: number;
}

/** The test runner's functions: those of vitest, `node:test`, or a few lines of your own. */
export interface ConnectionContractRunner {
  readonly describe: (name: string, laws: () => void) => void;
  readonly it: (law: string, test: () => Promise<void>) => void;
}

/** What a transport cannot do is left out of its contract; say so rather than have a law bent. */
export interface ConnectionContractOptions extends ConnectionContractRunner {
  /** Whether the reason of `outgoing.error` reaches the peer. @defaultValue true */
  readonly reasons?: boolean;
  /** Whether its code does as well, for any code. @defaultValue true */
  readonly codes?: boolean;
  /** Whether `maxFrame` is kept by the receiver. @defaultValue true */
  readonly bounded?: boolean;
  /** Whether pairs can be paused. @defaultValue true */
  readonly pausing?: boolean;
}

/**
 * States the laws of a {@link Connection} as tests of a transport; run it against your own.
 *
 * @example
 * ```ts
 * import { describe, it } from 'vitest';
 *
 * connectionContract(
 *   'memoryPair',
 *   async (options) => {
 *     const [a, b] = memoryPair(options);
 *     return { a, b, close: () => undefined, pause: () => b.pause(), resume: () => b.resume() };
 *   },
 *   { describe, it },
 * );
 * ```
 */
export function connectionContract(
  name: string,
  openPair: (options?: ConnectionPairOptions) => Promise<ConnectionPair>,
  options: ConnectionContractOptions,
): void {
  const { describe, it, reasons = true, codes = true, bounded = true, pausing = true } = options;
  const law = (text: string, test: (rig: Rig) => Promise<void>, pairOptions?: ConnectionPairOptions) =>
    it(text, () => withPair(openPair, pairOptions, test));

  describe(`${name} keeps the contract of a connection`, () => {
    law('delivers frames of 1 byte to 64 KiB whole and in order, both ways at once', delivers);
    law('delivers 10 000 small frames of one turn in order', deliversMany);
    law('keeps the order of what is sent from within a receive handler', keepsOrderOfAnswers);
    law('delivers the same Uint8Array as often as it is handed over, and leaves it as it was', deliversTheSameTwice);
    law('sends a view into a larger buffer as just that view', sendsViews);
    law('complete() closes: what was sent before arrives, then both ends complete, once', completes);
    law('saturated replays false, and completes with the connection', replaysSaturation);
    law('ignores everything after the end, and never throws', ignoresAfterTheEnd);
    law('goes on in the other direction when incoming is unsubscribed from', survivesUnsubscription);
    if (reasons) {
      law('error(reason) closes with that reason, behind what was sent before', (rig) => closesWithReason(rig, codes));
      law('closes with a reason of any length, cut between two characters', closesWithLongReason);
    }
    if (bounded) {
      const endsOnlyThis = (rig: Rig) => withPair(openPair, undefined, (other) => endsOversized(rig, other));
      law('a frame over the bound ends this connection with 100, and no other', endsOnlyThis, { maxFrame: 1_000 });
    }
    if (pausing) {
      const bounds = { highWater: 200_000, lowWater: 50_000 };
      law(
        'saturated turns true for a reader that pauses and false when it goes on; nothing is lost',
        saturates,
        bounds,
      );
    }
  });
}

/** An open pair and what arrives at its ends. */
interface Rig {
  readonly pair: ConnectionPair;
  readonly a: Connection;
  readonly b: Connection;
  readonly atA: ConnectionProbe;
  readonly atB: ConnectionProbe;
}

async function withPair(
  openPair: (options?: ConnectionPairOptions) => Promise<ConnectionPair>,
  options: ConnectionPairOptions | undefined,
  test: (rig: Rig) => Promise<void>,
): Promise<void> {
  const pair = await openPair(options);
  const { a, b } = pair;
  try {
    await test({ pair, a, b, atA: probe(a), atB: probe(b) });
  } finally {
    await pair.close();
  }
}

const SIZES: readonly number[] = [1, 2, 125, 126, 127, 128, 1_000, 4_096, 16_384, 32_767, 65_534, 65_535];

async function delivers({ a, b, atA, atB }: Rig): Promise<void> {
  const forth = SIZES.map((size, i) => frameOf(size, i));
  const back = SIZES.map((size, i) => frameOf(size, i + 100)).reverse();
  for (const [i, frame] of forth.entries()) {
    a.outgoing.next(frame);
    b.outgoing.next(back[i] as Uint8Array);
  }
  await atB.until('the frames of a', () => atB.frames.length >= forth.length);
  await atA.until('the frames of b', () => atA.frames.length >= back.length);
  sameFrames(atB.frames, forth);
  sameFrames(atA.frames, back);
}

async function deliversMany({ a, atB }: Rig): Promise<void> {
  const sent = Array.from({ length: 10_000 }, (_, i) => numbered(i));
  for (const frame of sent) a.outgoing.next(frame);
  await atB.until('10 000 frames', () => atB.frames.length >= sent.length);
  sameFrames(atB.frames, sent);
}

async function keepsOrderOfAnswers({ a, b, atA, atB }: Rig): Promise<void> {
  // Every frame is answered by two, its number and the next, and every odd one up to 100 asked on.
  const answers: number[] = [];
  atB.answer((frame) => {
    for (const answer of [numberOf(frame), numberOf(frame) + 1]) {
      answers.push(answer);
      b.outgoing.next(numbered(answer));
    }
  });
  atA.answer((frame) => {
    if (numberOf(frame) % 2 === 1 && numberOf(frame) < 100) a.outgoing.next(numbered(numberOf(frame) + 1));
  });
  a.outgoing.next(numbered(0));
  await atA.until('the last answer', () => atA.frames.length >= 102);
  same('answers', atA.frames.map(numberOf).join(), answers.join());
}

async function deliversTheSameTwice({ a, b, atA, atB }: Rig): Promise<void> {
  const frame = frameOf(300, 7);
  a.outgoing.next(frame);
  a.outgoing.next(frame);
  b.outgoing.next(frame);
  a.outgoing.next(frame);
  await atB.until('three frames', () => atB.frames.length >= 3);
  await atA.until('one frame', () => atA.frames.length >= 1);
  sameFrames(atB.frames, [frame, frame, frame]);
  sameFrames(atA.frames, [frameOf(300, 7)]);
  sameFrames([frame], [frameOf(300, 7)]);
}

async function sendsViews({ a, atB }: Rig): Promise<void> {
  const pool = frameOf(1_000, 1);
  a.outgoing.next(pool.subarray(10, 20));
  await atB.until('the frame', () => atB.frames.length >= 1);
  sameFrames(atB.frames, [pool.slice(10, 20)]);
}

async function completes({ a, atA, atB }: Rig): Promise<void> {
  const sent = Array.from({ length: 100 }, (_, i) => numbered(i));
  for (const frame of sent) a.outgoing.next(frame);
  a.outgoing.complete();
  await bothEnds(atA, atB);
  sameFrames(atB.frames, sent);
  same('end of the closing side', atA.ends.join(), 'completed');
  same('end of the other side', atB.ends.join(), 'completed');
}

async function replaysSaturation({ a, b, atA, atB }: Rig): Promise<void> {
  const told: string[] = [];
  for (const { saturated } of [a, b]) {
    saturated.subscribe({ next: (value) => told.push(`${value}`), complete: () => told.push('completed') });
  }
  same('values on subscribing', told.join(), 'false,false');
  b.outgoing.complete();
  await bothEnds(atA, atB);
  same('values in the end', told.join(), 'false,false,completed,completed');
}

async function ignoresAfterTheEnd({ a, b, atA, atB }: Rig): Promise<void> {
  const late = new ClaspError(500, 'too late');
  a.outgoing.complete();
  a.outgoing.next(frameOf(10, 1));
  a.outgoing.error(late);
  a.outgoing.complete();
  await bothEnds(atA, atB);
  for (const { outgoing } of [a, b]) {
    outgoing.next(frameOf(10, 2));
    outgoing.error(late);
    outgoing.complete();
  }
  await pause(30);
  same('frames after the end', atA.frames.length + atB.frames.length, 0);
  same('end of the closing side', atA.ends.join(), 'completed');
  same('end of the other side', atB.ends.join(), 'completed');
}

async function survivesUnsubscription({ a, b, atA, atB }: Rig): Promise<void> {
  atA.stop();
  b.outgoing.next(frameOf(5, 1));
  a.outgoing.next(frameOf(6, 2));
  await atB.until('the frame', () => atB.frames.length >= 1);
  a.outgoing.complete();
  await atB.until('the end', () => atB.ends.length > 0);
  same('frames after unsubscribing', atA.frames.length, 0);
  same('end of the other side', atB.ends.join(), 'completed');
}

async function closesWithReason({ a, atA, atB }: Rig, codes: boolean): Promise<void> {
  const sent = Array.from({ length: 10 }, (_, i) => numbered(i));
  for (const frame of sent) a.outgoing.next(frame);
  a.outgoing.error(new ClaspError(429, 'slow down'));
  await bothEnds(atA, atB);
  sameFrames(atB.frames, sent);
  same('end of the other side', codes ? atB.ends.join() : atB.ends.join().replace(/^\d+/, '429'), '429 slow down');
  same('end of the closing side', atA.ends.join(), 'completed');
}

async function closesWithLongReason({ a, atA, atB }: Rig): Promise<void> {
  const reason = 'ü€😀'.repeat(100);
  a.outgoing.error(new ClaspError(503, reason));
  await bothEnds(atA, atB);
  const told = atB.ends.join().replace(/^\d+ /, '');
  same('the reason begins as it was given', told.length > 30 && reason.startsWith(told), true);
  same('the last character is whole', /[ü€]$|😀$/u.test(told), true);
}

async function endsOversized({ a, atA, atB }: Rig, other: Rig): Promise<void> {
  a.outgoing.next(frameOf(1_000, 1));
  a.outgoing.next(frameOf(1_001, 2));
  await bothEnds(atA, atB);
  sameFrames(atB.frames, [frameOf(1_000, 1)]);
  same('code at the receiving end', atB.ends.join().slice(0, 4), '100 ');
  other.a.outgoing.next(frameOf(10, 3));
  await other.atB.until('a frame on the other connection', () => other.atB.frames.length >= 1);
  same('ends of the other connection', other.atA.ends.length + other.atB.ends.length, 0);
}

async function saturates({ pair, a, atB }: Rig): Promise<void> {
  const values: boolean[] = [];
  const watching = a.saturated.subscribe((value) => values.push(value));
  await pair.pause?.();
  const frame = frameOf(60_000, 1);
  let sent = 0;
  // Whatever the systems in between buffer is full some time; until then they may catch up once more.
  while (sent < 2_000) {
    if (values.at(-1) === true) {
      await pause(30);
      if (values.at(-1) === true) break;
    }
    a.outgoing.next(frame);
    if (++sent % 4 === 0) await pause(1);
  }
  same('saturated while paused', values.at(-1) ?? 'untold', true);
  await pair.resume?.();
  await inTime('relief', a.saturated.pipe(filter((saturated) => !saturated)));
  await atB.until('all frames', () => atB.frames.length >= sent);
  watching.unsubscribe();
  sameFrames(
    atB.frames,
    Array.from({ length: sent }, () => frame),
  );
}

/** Waits until both sides have ended, and then for an end that comes twice. */
async function bothEnds(atA: ConnectionProbe, atB: ConnectionProbe): Promise<void> {
  await atA.until('the end of the closing side', () => atA.ends.length > 0);
  await atB.until('the end of the other side', () => atB.ends.length > 0);
  await pause(10);
}
