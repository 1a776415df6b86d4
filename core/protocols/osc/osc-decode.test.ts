import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oscPackets } from '../../../testing/osc-arbitrary.ts';
import { ClaspError } from '../../errors.ts';
import { OSC_MAX_DEPTH } from './osc.ts';
import { decodeOsc, parseOsc } from './osc-decode.ts';
import { encodeOsc } from './osc-encode.ts';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const failureOf = (action: () => unknown): ClaspError => {
  try {
    action();
  } catch (failure) {
    expect(failure).toBeInstanceOf(ClaspError);
    return failure as ClaspError;
  }
  throw new Error('nothing was thrown');
};
const refusal = (text: string): string => {
  const { code, reason } = failureOf(() => decodeOsc(bytesOf(text)));
  expect(code).toBe(101);
  return reason;
};

describe('decodeOsc', () => {
  it.each([
    ['an empty datagram', '', 'empty packet at byte 0'],
    ['JSON', '{"set":1}\0\0\0', 'not an OSC packet: it starts with neither "/" nor "#bundle" at byte 0'],
    ['an address without its NUL', '/abc', 'text without its NUL at byte 0'],
    ['an address with padding cut off', '/abcd\0', 'padding is cut off at byte 5'],
    ['an address with padding that is not zero', '/a\0x,\0\0\0', 'padding is not zero at byte 3'],
    ['an address that is not UTF-8', '/\xff\0\0,\0\0\0', 'text is not UTF-8 at byte 0'],
    ['arguments without type tags', '/a\0\0\0\0\0\x01', 'arguments without type tags at byte 4'],
    ['type tags without their NUL', '/a\0\0,fff', 'type tags without their NUL at byte 4'],
    ['an unknown type', '/a\0\0,q\0\0', 'unknown type tag at byte 5'],
    ['a float cut off', '/a\0\0,f\0\0\x3f\0', 'argument is cut off at byte 8'],
    ['a string without its NUL', '/a\0\0,s\0\0abcd', 'text without its NUL at byte 8'],
    ['bytes left over', '/a\0\0,f\0\0\x3f\0\0\0\0', 'bytes after the last argument at byte 12'],
    ['a blob longer than its message', '/a\0\0,b\0\0\xff\xff\xff\xff', 'blob is longer than its message at byte 8'],
    ['a blob a little longer', '/a\0\0,b\0\0\0\0\0\x05abcd', 'blob is longer than its message at byte 8'],
    ['a blob without padding', '/a\0\0,b\0\0\0\0\0\x01a', 'padding is cut off at byte 13'],
    ['a character beyond Unicode', '/a\0\0,c\0\0\xff\0\0\0', 'not a character at byte 8'],
    ['an array that is not closed', '/a\0\0,[i\0\0\0\0\x01', 'array is not closed at byte 7'],
    ['an array that was not opened', '/a\0\0,]\0\0', '"]" without "[" at byte 5'],
    ['a bundle header cut off', '#bundle\0', 'bundle header is cut off at byte 0'],
    [
      'a packet that only begins like a bundle',
      '#bungle\0\0\0\0\0\0\0\0\x01',
      'not an OSC packet: it starts with neither "/" nor "#bundle" at byte 0',
    ],
    [
      'an element longer than its bundle',
      '#bundle\0\0\0\0\0\0\0\0\x01\x7f\xff\xff\xff',
      'bundle element is longer than its bundle at byte 16',
    ],
    ['an element without bytes', '#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\0', 'empty packet at byte 20'],
    ['half of an element size', '#bundle\0\0\0\0\0\0\0\0\x01\0\0', 'size of a bundle element is cut off at byte 16'],
  ])('refuses %s and says where', (_what, text, reason) => {
    expect(refusal(text)).toBe(reason);
  });

  it('takes a message that ends after its address as one without arguments', () => {
    expect(decodeOsc(bytesOf('/old\0\0\0\0'))).toEqual({ address: '/old', args: [] });
  });

  it('stops at a bounded depth of bundles and arrays', () => {
    const header = '#bundle\0\0\0\0\0\0\0\0\x01';
    let nested = '/a\0\0';
    for (let depth = 0; depth < OSC_MAX_DEPTH; depth++) {
      const size = nested.length;
      nested = `${header}\0\0${String.fromCharCode(size >> 8, size & 0xff)}${nested}`;
    }
    expect(parseOsc(bytesOf(nested))).not.toHaveProperty('fault');
    expect(refusal(`${header}\0\0${String.fromCharCode(nested.length >> 8, nested.length & 0xff)}${nested}`)).toContain(
      'bundles nest too deep',
    );
    const arrays = (depth: number) => `,${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(decodeOsc(bytesOf(`/a\0\0${arrays(OSC_MAX_DEPTH)}\0\0\0`))).toHaveProperty('address');
    expect(refusal(`/a\0\0${arrays(30_000)}\0\0\0`)).toContain('arrays nest too deep');
  });

  it('never fails otherwise than with a ClaspError, and holds no memory, over 1 000 000 mutated packets', () => {
    const random = mulberry32(20_261_122);
    const seeds = fc.sample(oscPackets, { numRuns: 400, seed: 7 }).map(encodeOsc);
    const collect = garbageCollector();
    const heapAfter = (count: number): number => {
      let refused = 0;
      for (let i = 0; i < count; i++) {
        const seed = seeds[i % seeds.length] as Uint8Array;
        const bytes = mutate(seed, random);
        const packet = parseOsc(bytes);
        if (!('fault' in packet)) {
          encodeOsc(packet);
          continue;
        }
        refused++;
        // The throwing form is the same code and ten times as slow: enough to see it now and then.
        if (refused % 50 === 0 && failureOf(() => decodeOsc(bytes)).code !== 101) throw new Error('wrong code');
      }
      expect(refused).toBeGreaterThan(count / 10);
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = heapAfter(100_000);
    expect(heapAfter(900_000) - before).toBeLessThan(4 * 1024 * 1024);
  }, 180_000);
});

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Flips, inserts, removes, repeats or cuts; one to four times. */
function mutate(seed: Uint8Array, random: () => number): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(seed);
  const upTo = (limit: number) => Math.floor(random() * limit);
  for (let times = 1 + upTo(4); times > 0; times--) {
    const at = upTo(bytes.length + 1);
    switch (upTo(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = upTo(256);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << upTo(8));
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes = spliced(bytes, at, at, [upTo(256)]);
        break;
      case 4:
        bytes = spliced(bytes, at, Math.min(at + 4, bytes.length), []);
        break;
      default: {
        const word = at & ~3;
        if (word + 4 <= bytes.length)
          bytes.set(
            [0xff, 0xff, 0xff, 0xff].map((all) => (upTo(2) ? all : upTo(256))),
            word,
          );
      }
    }
  }
  return bytes;
}

function spliced(bytes: Uint8Array, from: number, to: number, between: readonly number[]): Uint8Array {
  const result = new Uint8Array(bytes.length - (to - from) + between.length);
  result.set(bytes.subarray(0, from));
  result.set(between, from);
  result.set(bytes.subarray(to), from + between.length);
  return result;
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
