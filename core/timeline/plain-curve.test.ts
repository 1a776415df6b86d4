import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Easing, Keyframe } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import { encodeValue, Writer } from '../wire/index.ts';
import { skipValue } from '../wire/value.ts';
import { checkTimeline, MAX_KEYFRAMES } from './timeline.ts';
import { readCurve, readPlainCurve } from './timeline-curve.ts';
import { writeTimeline } from './timeline-value.ts';

const read = (bytes: Uint8Array) => {
  const valueCode = bytes[0] as number;
  skipValue(bytes, 1, bytes.length, valueCode, 0);
  return readPlainCurve({ bytes, valueCode, valueStart: 1 });
};
const readValue = (value: Value) => read(encodeValue(value));

const easing = fc.constantFrom<Easing>('linear', 'ease-in', 'ease-out', 'ease-in-out', 'step');
const plain = fc.record(
  { time: fc.nat(1000), value: fc.double({ noNaN: true, noDefaultInfinity: true }), easing },
  { requiredKeys: ['time', 'value'] },
);
const rising = (list: { readonly time: number }[]) => [...list].sort((a, b) => a.time - b.time) as Keyframe[];
const optional = { loop: fc.boolean(), startTime: fc.nat() };

const odd: fc.Arbitrary<Value> = fc.constantFrom<Value[]>(
  ...[-1, 0, 1, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 5n, true, false, null, 'now', 'cubic-bezier', 'step'],
  ...[[], [1], [0, 0, 1, 1], {}, { x: 1 }],
);
const keys = ['time', 'value', 'easing', 'bezier', 'note', 'keyframes', 'loop', 'startTime'];

/** A plain timeline, but for one field of it or of a keyframe; its keyframes need not be in order. */
const almost = fc
  .record({ keyframes: fc.array(plain, { maxLength: 3 }), inOrder: fc.boolean(), loop: fc.boolean() })
  .chain(({ keyframes, inOrder, loop }) => {
    const list = (inOrder ? rising(keyframes) : keyframes) as unknown as Record<string, Value>[];
    return fc
      .tuple(fc.integer({ min: -1, max: list.length - 1 }), fc.constantFrom(...keys), odd)
      .map(([which, key, one]) => {
        const changed = list.map((each, index) => (index === which ? { ...each, [key]: one } : each));
        return which < 0 ? { keyframes: list, loop, [key]: one } : { keyframes: changed, loop };
      });
  });

describe('readPlainCurve', () => {
  it('reads plain timelines as their value would be, whatever the order of the keys', () => {
    fc.assert(
      fc.property(
        fc.array(plain, { maxLength: 6 }).map(rising),
        fc.record(optional, { requiredKeys: [] }),
        fc.boolean(),
        (keyframes, rest, turned) => {
          fc.pre(!rest.loop || keyframes.length === 0 || (keyframes.at(-1) as Keyframe).time > 0);
          const written = writeTimeline({ loop: undefined, startTime: undefined, ...rest, keyframes }) as never as {
            keyframes: Record<string, Value>[];
          };
          const turn = <T extends object>(map: T) => Object.fromEntries(Object.entries(map).reverse()) as T;
          const value = turned ? turn({ ...written, keyframes: written.keyframes.map(turn) }) : written;
          expect(checkTimeline(value, '/fade')).toBeUndefined();
          expect(readValue(value)).toEqual({ ...readCurve(value), plain: true });
        },
      ),
    );
  });

  it('reads nothing that is wrong, and nothing otherwise than its value says', () => {
    fc.assert(
      fc.property(almost, (value) => {
        const found = readValue(value);
        if (checkTimeline(value, '/fade')) expect(found).toBeUndefined();
        else if (found) expect(found).toEqual({ ...readCurve(value), plain: true });
      }),
      { numRuns: 5_000 },
    );
  });

  it('reads numbers of every type that holds them whole', () => {
    const value = (code: number, ...body: number[]) => Uint8Array.of(code, ...body);
    const keyframes = [
      [value(0x02, 3), value(0x03, 0xff, 0xfe)],
      [value(0x04, 0, 0, 1, 0), value(0x06, 0x3f, 0, 0, 0)],
      [value(0x04, 0, 0, 2, 0), value(0x02, 0xff)],
    ];
    const key = (text: string) => [0, text.length, ...new TextEncoder().encode(text)];
    const maps = keyframes.flatMap(([time, level]) => [
      ...[0x0b, 0, 2, ...key('time'), ...(time as Uint8Array), ...key('value'), ...(level as Uint8Array)],
    ]);
    const bytes = Uint8Array.of(0x0b, 0, 1, ...key('keyframes'), 0x0a, 0, 3, ...maps);
    expect(read(bytes)?.keyframes.map((one) => [one.time, one.value])).toEqual([
      [3, -2],
      [256, 0.5],
      [512, -1],
    ]);
  });

  it('leaves to others what is no timeline, or has too many keyframes', () => {
    for (const value of [null, 5, 'keyframes', [], {}, { keyframes: 5 }, { keyframes: [5] }]) {
      expect(readValue(value)).toBeUndefined();
    }
    const writer = new Writer();
    const keyframes = Array.from({ length: MAX_KEYFRAMES + 1 }, (_, time) => ({ time, value: 1 }));
    expect(read(writer.value({ keyframes }).finish())).toBeUndefined();
    expect(readValue({ keyframes: keyframes.slice(1) })?.keyframes).toHaveLength(MAX_KEYFRAMES);
  });
});
