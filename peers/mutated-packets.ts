import { inject } from 'vitest';
import { seededRandom } from '../testing/seeded-random.ts';

/** Mutated packets in a long run; otherwise a hundredth of it. */
const MOST = 1_000_000;

/**
 * Packets that are nearly right: of each seed in turn, one to four bytes flipped, inserted, removed, overwritten, or the
 * end cut off. A million of them in a long run.
 */
export function* mutatedPackets(seeds: readonly Uint8Array[]): Generator<Uint8Array> {
  const random = seededRandom(20_261_122);
  const count = inject('propertyRuns') > 100 ? MOST : MOST / 100;
  for (let i = 0; i < count; i++) {
    let bytes = Array.from(seeds[i % seeds.length] as Uint8Array);
    for (let times = random.integer(1, 4); times > 0; times--) {
      const at = random.integer(0, Math.max(0, bytes.length - 1));
      const kind = random.integer(0, 5);
      if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(0, 7));
      else if (kind === 1) bytes[at] = random.integer(0, 255);
      else if (kind === 2) bytes.splice(at, 0, random.integer(0, 255));
      else if (kind === 3) bytes.splice(at, random.integer(1, 4));
      else if (kind === 4) bytes = bytes.slice(0, at);
      else bytes.splice(at, 2, random.integer(0, 1) * 255, random.integer(0, 3));
    }
    yield Uint8Array.from(bytes);
  }
}
