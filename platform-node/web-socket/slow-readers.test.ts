import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../../core/connection/connection.ts';
import { rawSocket, WebSocketRig } from '../../peers/web-socket-rig.ts';

const rig = new WebSocketRig();
afterEach(() => rig.cleanUp());

type Pair = Awaited<ReturnType<WebSocketRig['pair']>>;

/** One who reads now and then, and compares what comes with what was sent. */
class Reader {
  readonly connection: Connection;
  readonly #pair: Pair;
  readonly #sent: Uint8Array[] = [];
  received = 0;
  wrong = 0;

  constructor(pair: Pair) {
    this.#pair = pair;
    this.connection = pair.connection;
    pair.socket.on('message', (data) => {
      const wanted = this.#sent[this.received++];
      if (!wanted || !(data as Buffer).equals(wanted)) this.wrong++;
    });
  }

  get missing(): number {
    return this.#sent.length - this.received;
  }

  give(frame: Uint8Array): void {
    this.#sent.push(frame);
    this.connection.outgoing.next(frame);
  }

  pause(): void {
    rawSocket(this.#pair.socket).pause();
  }

  resume(): void {
    rawSocket(this.#pair.socket).resume();
  }

  vanish(): void {
    rawSocket(this.#pair.socket).destroy();
  }
}

const READERS = 4;
const who = fc.nat(READERS - 1);
/** What the system takes for somebody who does not read is some megabytes: a phase has about ten. */
const phase = fc.record({
  reads: fc.array(fc.boolean(), { minLength: READERS, maxLength: READERS }),
  frames: fc.array(fc.record({ size: fc.constantFrom(8, 1_040, 20_000, 65_000, 65_000), all: fc.boolean(), who }), {
    minLength: 300,
    maxLength: 400,
  }),
  perTurn: fc.integer({ min: 1, max: 3 }),
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('readers that stop and go on', () => {
  it('get every frame as it was, whoever else reads how fast or vanishes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(phase, { minLength: 3, maxLength: 4 }), async (phases) => {
        const listener = await rig.listen({ highWater: 1e9 });
        const readers: Reader[] = [];
        while (readers.length <= READERS) readers.push(new Reader(await rig.pair(listener)));
        const gone = readers.pop() as Reader;
        gone.pause();
        let number = 0;
        const give = (to: readonly Reader[], size: number) => {
          const frame = new Uint8Array(size).fill(++number & 255);
          new DataView(frame.buffer).setUint32(0, number);
          for (const reader of to) reader.give(frame);
        };
        for (const [index, { reads, frames, perTurn }] of phases.entries()) {
          for (const [i, reader] of readers.entries()) {
            if (reads[i]) reader.resume();
            else reader.pause();
          }
          for (const [i, { size, all, who: one }] of frames.entries()) {
            give(all ? readers : [readers[one] as Reader], size);
            if (index === 0) give([gone], size);
            if (i % perTurn === 0) await turn();
          }
          if (index === 0) gone.vanish();
        }
        for (const reader of readers) reader.resume();
        await vi.waitFor(() => expect(readers.map(({ missing }) => missing)).toEqual([0, 0, 0, 0]), {
          timeout: 30_000,
        });
        expect(readers.map(({ wrong }) => wrong)).toEqual([0, 0, 0, 0]);
        await rig.cleanUp();
      }),
      { numRuns: 5, endOnFailure: true },
    );
  }, 120_000);
});
