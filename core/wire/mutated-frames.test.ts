import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encode as messagePack } from '@msgpack/msgpack';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { messages } from '../../testing/arbitraries.ts';
import { ClaspError } from '../errors.ts';
import { encodeMessage } from './encode.ts';
import type { Frame } from './frame.ts';
import { decodeAnyFrame } from './message-pack.ts';

const FRAMES = 1_000_000;
const SEED = 20_260;

/** Numbers from 0 up to and without `below`, the same ones every time (xorshift32). */
function randoms(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Valid frames of every type, binary and MessagePack. */
function validFrames(): Uint8Array[] {
  const some = fc.sample(messages(), { seed: SEED, numRuns: 600 });
  return some.flatMap((message, index) => {
    const timestamp = index % 7 === 0 ? index : undefined;
    const binary = encodeMessage(message, { qos: 1, timestamp });
    const payload = messagePack(message, { useBigInt64: true, ignoreUndefined: true });
    return index % 4 === 0
      ? [binary, Uint8Array.of(0x53, 1, payload.length >> 8, payload.length & 255, ...payload)]
      : [binary];
  });
}

/** One of the valid frames with up to eight things wrong with it; mostly with a length that fits again. */
function mutated(valid: readonly Uint8Array[], random: (below: number) => number): Uint8Array {
  const pick = (): Uint8Array => valid[random(valid.length)] as Uint8Array;
  let bytes = pick().slice();
  for (let times = random(4) + 1; times > 0 && bytes.length > 4; times--) {
    const at = random(bytes.length);
    switch (random(6)) {
      case 0:
      case 1:
        bytes[at] = (bytes[at] as number) ^ (1 << random(8));
        break;
      case 2:
        bytes[at] = random(256);
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4: {
        // Somewhere a length or count: a little more, a little less, or as much as it can say.
        bytes[at] = [0, 1, 0x7f, 0xff, (bytes[at] as number) + 1, (bytes[at] as number) - 1][random(6)] as number;
        break;
      }
      default: {
        const other = pick();
        const from = random(other.length);
        const spliced = new Uint8Array(at + other.length - from);
        spliced.set(bytes.subarray(0, at));
        spliced.set(other.subarray(from), at);
        bytes = spliced;
      }
    }
  }
  const header = (bytes[1] as number) & 0x20 ? 12 : 4;
  if (bytes.length > header && random(8) > 0) {
    bytes[0] = 0x53;
    bytes[1] = (bytes[1] as number) & ~0x18;
    bytes[2] = (bytes.length - header) >> 8;
    bytes[3] = bytes.length - header;
  }
  return bytes;
}

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

// Capturing a stack trace costs more than decoding the frame.
const { stackTraceLimit } = Error;
beforeAll(() => {
  Error.stackTraceLimit = 0;
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

it(`fails with ClaspError 100 or 101 and nothing else on ${FRAMES} mutated frames, and keeps no memory`, () => {
  const valid = validFrames();
  const random = randoms(SEED);
  let understood = 0;
  let refused = 0;
  let atSecondStep = 0;
  let heapBefore = 0;

  for (let n = 0; n < FRAMES; n++) {
    if (n === FRAMES / 10) heapBefore = heapUsed();
    const bytes = mutated(valid, random);
    let frame: Frame | undefined;
    try {
      frame = decodeAnyFrame(bytes);
      void frame.address;
      void frame.value;
      const { message } = frame;
      understood++;
      // Whatever was understood can be said.
      if (n % 16 === 0) encodeMessage(message);
    } catch (error) {
      if (!(error instanceof ClaspError) || (error.code !== 100 && error.code !== 101)) {
        throw new Error(`frame ${Buffer.from(bytes).toString('hex')}`, { cause: error });
      }
      refused++;
      if (frame) atSecondStep++;
    }
  }

  const grown = heapUsed() - heapBefore;
  expect(grown).toBeLessThan(8 * 2 ** 20);
  // The mutations reach everything: enough frames survive them, enough fail late.
  expect(understood).toBeGreaterThan(FRAMES / 10);
  expect(refused).toBeGreaterThan(FRAMES / 10);
  expect(atSecondStep).toBeGreaterThan(FRAMES / 100);
}, 120_000);
