import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectionContract } from '../../testing/connection-contract.ts';
import { ClaspError } from '../errors.ts';
import { memoryPair } from './memory-pair.ts';

connectionContract(
  'memoryPair',
  async (options) => {
    const [a, b] = memoryPair(options);
    return { a, b, close: () => a.outgoing.complete(), pause: () => b.pause(), resume: () => b.resume() };
  },
  { describe, it },
);

describe('memoryPair', () => {
  it('delivers before next returns', () => {
    const [ours, theirs] = memoryPair();
    const heard: number[] = [];
    theirs.incoming.subscribe((frame) => heard.push(frame.length));
    ours.outgoing.next(new Uint8Array(3));
    expect(heard).toEqual([3]);
  });

  it('keeps what was sent before the other side subscribed, and how it ended', () => {
    const [ours, theirs] = memoryPair();
    const heard: unknown[] = [];
    ours.outgoing.next(new Uint8Array(1));
    ours.outgoing.next(new Uint8Array(2));
    ours.outgoing.error(new ClaspError(301, 'no'));
    theirs.incoming.subscribe({
      next: (frame) => heard.push(frame.length),
      error: ({ message }) => heard.push(message),
    });
    expect(heard).toEqual([1, 2, '[301] no']);
  });

  it('gives the other side the very error it was ended with', () => {
    const [ours, theirs] = memoryPair();
    const reason = new ClaspError(403, 'read only', { address: '/a' });
    let heard: unknown;
    theirs.incoming.subscribe({ error: (error) => (heard = error) });
    ours.outgoing.error(reason);
    expect(heard).toBe(reason);
  });

  it('is lost to both sides when it is cut, behind what waits, once', () => {
    const [ours, theirs] = memoryPair();
    const heard: unknown[] = [];
    for (const side of [ours, theirs]) {
      side.incoming.subscribe({
        next: (frame) => heard.push(frame.length),
        error: ({ message }) => heard.push(message),
      });
    }
    theirs.pause();
    ours.outgoing.next(new Uint8Array(3));
    ours.cut(new ClaspError(502, 'lost'));
    theirs.cut(new ClaspError(500, 'again'));
    expect(heard).toEqual(['[502] lost']);
    theirs.resume();
    expect(heard).toEqual(['[502] lost', 3, '[502] lost']);
  });

  it('delivers in order what is sent while delivering', () => {
    const [ours, theirs] = memoryPair();
    const heard: number[] = [];
    theirs.incoming.subscribe(([first = 0]) => {
      if (first === 1) {
        ours.outgoing.next(Uint8Array.of(2));
        ours.outgoing.next(Uint8Array.of(3));
      }
      heard.push(first);
    });
    ours.outgoing.next(Uint8Array.of(1));
    expect(heard).toEqual([1, 2, 3]);
  });

  it('drops what a side that left would have read, and saturates nobody with it', () => {
    const [ours, theirs] = memoryPair({ highWater: 10 });
    theirs.incoming.subscribe().unsubscribe();
    const saturated: boolean[] = [];
    ours.saturated.subscribe((value) => saturated.push(value));
    for (let i = 0; i < 100; i++) ours.outgoing.next(new Uint8Array(10));
    expect(saturated).toEqual([false]);
  });

  it('saturates above the high water and relieves at the low water, exactly', () => {
    const [ours, theirs] = memoryPair({ highWater: 10, lowWater: 4 });
    const told: string[] = [];
    ours.saturated.subscribe((value) => told.push(`${value}`));
    theirs.pause();
    theirs.incoming.subscribe((frame) => {
      told.push(`read ${frame.length}`);
      if (frame.length === 5) theirs.pause();
    });
    ours.outgoing.next(new Uint8Array(6));
    ours.outgoing.next(new Uint8Array(4));
    expect(told).toEqual(['false']);
    ours.outgoing.next(new Uint8Array(5));
    ours.outgoing.next(new Uint8Array(4));
    expect(told).toEqual(['false', 'true']);
    theirs.resume();
    expect(told).toEqual(['false', 'true', 'read 6', 'read 4', 'read 5', 'false']);
  });

  it('delivers every frame exactly once and in order, however the reader pauses', () => {
    const step = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constantFrom('pause', 'resume'));
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40, size: 'max' }),
        fc.integer({ min: 1, max: 60 }),
        (steps, highWater) => {
          const [ours, theirs] = memoryPair({ highWater });
          const heard: number[] = [];
          let waiting = 0;
          let saturated = false;
          ours.saturated.subscribe((value) => (saturated = value));
          theirs.incoming.subscribe((frame) => {
            heard.push(frame.length);
            waiting -= frame.length;
          });
          for (const step of steps) {
            if (step === 'pause') theirs.pause();
            else if (step === 'resume') theirs.resume();
            else {
              waiting += step as number;
              ours.outgoing.next(new Uint8Array(step as number));
            }
            if (waiting > highWater) expect(saturated).toBe(true);
            if (waiting <= highWater / 4) expect(saturated).toBe(false);
          }
          theirs.resume();
          expect(heard).toEqual(steps.filter((step) => typeof step === 'number'));
        },
      ),
    );
  });
});
