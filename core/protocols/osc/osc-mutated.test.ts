import fc from 'fast-check';
import { expect, it } from 'vitest';
import { oscPackets } from '../../../testing/osc-arbitrary.ts';
import { seededRandom } from '../../../testing/seeded-random.ts';
import { parseOsc } from './osc-decode.ts';
import { encodeOsc } from './osc-encode.ts';
import { frameOsc, OscStreamReader } from './osc-framing.ts';

const PACKETS = 1_000_000;
const SEED = 20_262;
const LENGTHS = [0, 1, 0x7f, 0x80, 0xff] as const;

it('takes a million mutated packets, alone and in a stream, and throws nothing', () => {
  const random = seededRandom(SEED);
  const valid = fc
    .sample(oscPackets, { seed: SEED, numRuns: 800 })
    .map(encodeOsc)
    .filter(({ length }) => length < 200);
  const unexpected: unknown[] = [];
  let decoded = 0;
  let refused = 0;
  let read = 0;
  let reader = streamReader();

  function streamReader(): OscStreamReader {
    return new OscStreamReader({ packet: () => read++, fault: () => undefined }, { maxPacket: 256 });
  }
  const guarded = (action: () => void) => {
    try {
      action();
    } catch (error) {
      unexpected.push(error);
    }
  };
  const mutate = (bytes: Uint8Array): Uint8Array => {
    for (let times = random.integer(0, 3); times > 0; times--) {
      const at = random.integer(0, bytes.length - 1);
      bytes[at] = random.chance(0.5) ? random.pick(LENGTHS) : (bytes[at] as number) ^ (1 << random.integer(0, 7));
    }
    return random.chance(0.2) ? bytes.subarray(0, random.integer(1, bytes.length)) : bytes;
  };

  for (let i = 0; i < PACKETS; i++) {
    const packet = valid[random.integer(0, valid.length - 1)] as Uint8Array;
    const bytes = mutate(packet.slice());
    guarded(() => {
      // What `decodeOsc` throws as a ClaspError is told here.
      if ('fault' in parseOsc(bytes)) refused++;
      else decoded++;
    });
    if (i % 4 !== 0) continue;
    // A peer is cut off at the first length that cannot be; the next one begins anew.
    if (i % 64 === 0) reader = streamReader();
    guarded(() => reader.push(mutate(frameOsc(packet, i % 128 < 64 ? 'slip' : 'length'))));
  }
  expect(unexpected).toEqual([]);
  for (const count of [decoded, refused]) expect(count).toBeGreaterThan(PACKETS / 10);
  expect(read).toBeGreaterThan(PACKETS / 20);
});
