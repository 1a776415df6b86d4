import { asapScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { connectionContract } from '../testing/connection-contract.ts';
import { asPosted, type Posted, PostedConnection, type PostedOptions } from './posted-connection.ts';

/** Two connections joined by a channel that shows what passes, and can hold up what goes to the second. */
function join(options: PostedOptions = {}) {
  const passed: Posted[] = [];
  const held: Posted[] = [];
  let holding = false;
  const toB = (message: Posted) => {
    passed.push(message);
    if (holding) held.push(message);
    else asapScheduler.schedule(() => b.receive(message));
  };
  const toA = (message: Posted) => {
    passed.push(message);
    asapScheduler.schedule(() => a.receive(message));
  };
  const a = new PostedConnection('a', 'test', { postMessage: toB, close: () => undefined }, options);
  const b = new PostedConnection('b', 'test', { postMessage: toA, close: () => undefined }, options);
  return {
    a,
    b,
    passed,
    kinds: () => passed.map(({ kind }) => kind),
    hold: () => {
      holding = true;
    },
    release: () => {
      holding = false;
      for (const message of held.splice(0)) b.receive(message);
    },
  };
}

connectionContract(
  'PostedConnection',
  async (options) => {
    const { a, b, hold, release } = join(options);
    return { a, b, close: () => a.complete(), pause: hold, resume: release };
  },
  { describe, it },
);

const turn = () => new Promise((resolve) => setTimeout(resolve));

describe('PostedConnection', () => {
  it('posts the frames of one task together, and no others of the buffer they are views of', async () => {
    const { a, passed } = join();
    const pool = new Uint8Array(1_000);
    a.next(pool.subarray(0, 3));
    a.next(pool.subarray(3, 5));
    expect(passed).toEqual([]);
    await turn();
    const [message] = passed;
    expect(passed.length).toBe(1);
    const frames = message?.kind === 'frames' ? message.frames : [];
    expect(frames.map(({ buffer }) => buffer.byteLength)).toEqual([3, 2]);
  });

  it('posts a mark every low water of bytes, and when it turns saturated', async () => {
    const { a, kinds } = join({ highWater: 100, lowWater: 50 });
    for (const size of [40, 20]) {
      a.next(new Uint8Array(size));
      await turn();
    }
    expect(kinds()).toEqual(['frames', 'frames', 'mark', 'reached']);
    a.next(new Uint8Array(101));
    expect(kinds().slice(4)).toEqual(['frames', 'mark']);
    expect(a.saturated.value).toBe(true);
    await turn();
    expect(a.saturated.value).toBe(false);
  });

  it('never saturates for a peer that reads, however much is sent in all', async () => {
    const { a } = join({ highWater: 1_000, lowWater: 250 });
    const values: boolean[] = [];
    a.saturated.subscribe((value) => values.push(value));
    for (let i = 0; i < 100; i++) {
      a.next(new Uint8Array(100));
      await turn();
    }
    expect(values).toEqual([false]);
  });

  it('loses a peer that gives no sign of life, in the time of the heartbeat, and not one that only answers', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    scheduler.run(({ expectObservable, cold }) => {
      const silent = new PostedConnection('s', 'test', nobody, { heartbeat: 50, scheduler });
      expectObservable(silent.incoming).toBe('60ms #', {}, lost);

      const answering: PostedConnection = new PostedConnection(
        'r',
        'test',
        {
          postMessage: ({ kind }) => {
            if (kind === 'ping') answering.receive({ protocol: 'clasp-rx', kind: 'pong' });
          },
          close: () => undefined,
        },
        { heartbeat: 50, scheduler },
      );
      cold('500ms z').subscribe(() => answering.complete());
      expectObservable(answering.incoming).toBe('500ms |');

      const talking = new PostedConnection('t', 'test', nobody, { heartbeat: 50, scheduler });
      cold('35ms t 35ms t').subscribe(() => talking.receive({ protocol: 'clasp-rx', kind: 'frames', frames: [] }));
      // Heard at 71 ms; looked at from 80 ms on, five silent looks of 10 ms later.
      expectObservable(talking.incoming).toBe('130ms #', {}, lost);
    });
    expect(scheduler.actions.length).toBe(0);
  });

  it('leaves no timer behind', () => {
    const scheduler = new TestScheduler(() => undefined);
    const connection = new PostedConnection('a', 'test', nobody, { heartbeat: 50, scheduler });
    expect(scheduler.actions.length).toBe(1);
    connection.complete();
    expect(scheduler.actions.length).toBe(0);
  });

  it('is relieved in time also where more was sent than saturated it', async () => {
    const { a, hold, release } = join({ highWater: 100, lowWater: 50 });
    hold();
    for (let i = 0; i < 7; i++) a.next(new Uint8Array(40));
    await turn();
    a.next(new Uint8Array(40));
    expect(a.saturated.value).toBe(true);
    release();
    await turn();
    expect(a.saturated.value).toBe(false);
  });

  it('ends with 500, and does not throw, on a frame that cannot be cloned', async () => {
    const { port1, port2 } = new MessageChannel();
    const connection = new PostedConnection('a', 'test', port1, {});
    const told: unknown[] = [];
    connection.incoming.subscribe({ error: ({ code }) => told.push(code) });
    const detached = new Uint8Array(1);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    connection.next(detached);
    await turn();
    connection.next(Uint8Array.of(1));
    expect(told).toEqual([500]);
    port2.close();
  });

  it.each([
    ['no list', 'text'],
    ['nothing', undefined],
    ['a list of something else', ['text']],
  ])('answers what holds no frames (%s) with 100, and ends', (_, frames) => {
    const { a, kinds } = join();
    const told: string[] = [];
    a.incoming.subscribe({ next: () => told.push('frame'), error: ({ message }) => told.push(message) });
    a.receive({ protocol: 'clasp-rx', kind: 'frames', frames: frames as never });
    expect(told).toEqual(['[100] no frame']);
    expect(kinds()).toEqual(['close']);
  });

  it("takes no notice of other programs' messages", () => {
    for (const foreign of [null, undefined, 1, 'x', {}, { protocol: 'other' }, new Uint8Array(2)]) {
      expect(asPosted(foreign)).toBeUndefined();
    }
  });
});

const nobody = { postMessage: (): void => undefined, close: (): void => undefined };
const lost = expect.objectContaining({ code: 502, reason: 'no sign of the peer for 50 ms' });
