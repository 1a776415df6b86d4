import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { values } from '../../../testing/arbitraries.ts';
import { oscMessages } from '../../../testing/osc-arbitrary.ts';
import { ClaspError } from '../../errors.ts';
import type { Signal } from '../../signal/signal.ts';
import type { Value } from '../../signal/value.ts';
import { sameValue } from '../../signal/value.ts';
import type { OscArgument, OscMessage } from './osc.ts';
import { oscTimetag, oscTimetagMicros } from './osc.ts';
import { decodeOsc } from './osc-decode.ts';
import { encodeOsc } from './osc-encode.ts';
import { fromOsc, hasOscTags, type OscTags, oscTagsOf, parseOscTags, toOsc } from './osc-mapping.ts';

const param = (value: Value, address = '/osc/a'): Signal => ({ kind: 'param', address, value });
const failureOf = (action: () => unknown): ClaspError => {
  try {
    action();
  } catch (failure) {
    expect(failure).toBeInstanceOf(ClaspError);
    return failure as ClaspError;
  }
  throw new Error('nothing was thrown');
};

describe('the OSC mapping', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  it.each<[string, OscArgument[], Value]>([
    ['no argument', [], null],
    [',f', [{ type: 'f', value: 0.5 }], 0.5],
    [',i', [{ type: 'i', value: -7 }], -7n],
    [',h', [{ type: 'h', value: 2n ** 40n }], 2n ** 40n],
    [',d', [{ type: 'd', value: 0.1 }], 0.1],
    [',s', [{ type: 's', value: 'go' }], 'go'],
    [',S', [{ type: 'S', value: 'go' }], 'go'],
    [',c', [{ type: 'c', value: 'x' }], 'x'],
    [',b', [{ type: 'b', value: bytes }], bytes],
    [',m', [{ type: 'm', value: bytes }], bytes],
    [',T', [{ type: 'T', value: true }], true],
    [',F', [{ type: 'F', value: false }], false],
    [',I', [{ type: 'I', value: true }], true],
    [',N', [{ type: 'N', value: null }], null],
    [',r', [{ type: 'r', value: 0xff8000ff }], 0xff8000ffn],
    [',t', [{ type: 't', value: oscTimetag(1_700_000_000_000_000) }], 1_700_000_000_000_000],
    [',t at once', [{ type: 't', value: { seconds: 0, fraction: 1 } }], 0],
    [
      ',fi',
      [
        { type: 'f', value: 0.5 },
        { type: 'i', value: 2 },
      ],
      [0.5, 2n],
    ],
    [
      ',[ff]',
      [
        {
          type: '[',
          value: [
            { type: 'f', value: 1 },
            { type: 'f', value: 2 },
          ],
        },
      ],
      [1, 2],
    ],
    [',[f]', [{ type: '[', value: [{ type: 'f', value: 1 }] }], [1]],
    [',[]', [{ type: '[', value: [] }], []],
  ])('reads %s, and sends the value back under the same tags', (_tags, args, value) => {
    const kind = args.length === 0 ? 'event' : 'param';
    expect(fromOsc({ address: '/a', args })).toEqual({ kind, address: '/osc/a', value });
    expect(fromOsc({ address: '/a', args }, { noArguments: 'param' }).kind).toBe('param');
    expect(toOsc(param(value), { tags: oscTagsOf(args) })).toEqual({ address: '/a', args });
  });

  it.each<[string, Value, OscArgument[]]>([
    ['a number as f', 0.5, [{ type: 'f', value: 0.5 }]],
    ['an integer-valued number as f', 5, [{ type: 'f', value: 5 }]],
    ['a bigint as h', 5n, [{ type: 'h', value: 5n }]],
    ['true as T', true, [{ type: 'T', value: true }]],
    ['false as F', false, [{ type: 'F', value: false }]],
    ['null as no argument', null, []],
    [
      'null in an array as N',
      [null, 1],
      [
        { type: 'N', value: null },
        { type: 'f', value: 1 },
      ],
    ],
    ['text as s', 'go', [{ type: 's', value: 'go' }]],
    ['bytes as b', bytes, [{ type: 'b', value: bytes }]],
    [
      'an array as several arguments',
      [1, 'a'],
      [
        { type: 'f', value: 1 },
        { type: 's', value: 'a' },
      ],
    ],
    [
      'an array in an array as an OSC array',
      [1, [2]],
      [
        { type: 'f', value: 1 },
        { type: '[', value: [{ type: 'f', value: 2 }] },
      ],
    ],
    ['an empty array as no argument', [], []],
  ])('sends %s where nothing else is wanted', (_what, value, args) => {
    expect(toOsc(param(value)).args).toEqual(args);
  });

  it.each<[string, Value, string]>([
    ['i', 5, 'i'],
    ['i', 5n, 'i'],
    ['i', 0.5, 'f'],
    ['i', 2 ** 31, 'f'],
    ['i', 2n ** 31n, 'h'],
    ['i', 'text', 's'],
    ['h', 5, 'h'],
    ['d', 0.1, 'd'],
    ['d', 5n, 'd'],
    ['f', 5n, 'f'],
    ['r', -1, 'f'],
    ['t', -1, 'f'],
    ['c', 'ab', 's'],
    ['m', new Uint8Array(3), 'b'],
    ['I', false, 'F'],
    ['N', 1, 'f'],
    ['[ii]', 1, 'f'],
    ['ii', [1, 2, 3], 'iif'],
    ['i', [1, 2], 'if'],
    ['[if]', [1, 2], '[if]'],
    ['i[if]', [1, [2, 3]], 'i[if]'],
    ['T', true, 'T'],
    ['ii', [true, 3], 'ii'],
  ])('asked for %s, sends %o as %s', (wanted, value, sent) => {
    expect(oscTagsOf(toOsc(param(value), { tags: parseOscTags(wanted) }).args)).toEqual(parseOscTags(sent));
  });

  it.each<[string, OscArgument, OscArgument]>([
    ['i', { type: 'i', value: 1 }, { type: 'i', value: 0 }],
    ['f', { type: 'f', value: 1 }, { type: 'f', value: 0 }],
    ['d', { type: 'd', value: 1 }, { type: 'd', value: 0 }],
    ['h', { type: 'h', value: 1n }, { type: 'h', value: 0n }],
    ['s', { type: 'T', value: true }, { type: 'F', value: false }],
  ])('asked for %s, sends true and false as 1 and 0 where that is a number', (wanted, on, off) => {
    const tags = parseOscTags(wanted);
    expect(toOsc(param(true), { tags }).args).toEqual([on]);
    expect(toOsc(param(false), { tags }).args).toEqual([off]);
  });

  it('sends every message back as it came, byte for byte, given its tags', () => {
    fc.assert(
      fc.property(oscMessages, fc.constantFrom('/osc', '', '/stage/left'), (message, namespace) => {
        const exact = { ...message, args: message.args.map(toWholeMicros) };
        const tags = oscTagsOf(message.args);
        expect(encodeOsc(toOsc(fromOsc(message, { namespace }), { namespace, tags }))).toEqual(encodeOsc(exact));
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives every value without maps back as f32 and OSC leave it', () => {
    const noMaps = values().filter(
      (value) =>
        !hasMap(value) && !JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? 0 : v)).includes('\\u0000'),
    );
    fc.assert(
      fc.property(noMaps, (value) => {
        const back = fromOsc(decodeOsc(encodeOsc(toOsc(param(value)))) as OscMessage).value;
        expect(sameValue(back, asOscLeavesIt(value))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('puts addresses into the namespace and takes them out of it', () => {
    expect(fromOsc({ address: '/x/y', args: [] }, { namespace: '/stage/osc' }).address).toBe('/stage/osc/x/y');
    expect(toOsc(param(1, '/stage/osc/x/y'), { namespace: '/stage/osc' }).address).toBe('/x/y');
    expect(fromOsc({ address: '/x/y', args: [] }, { namespace: '' }).address).toBe('/x/y');
    expect(toOsc(param(1, '/x/y'), { namespace: '' }).address).toBe('/x/y');
  });

  it.each(['/', '//', '/a/', '/a//b', '/a*', '/a?', '/[ab]', '/{a,b}', `/${'a'.repeat(1100)}`, '/x'.repeat(70)])(
    'refuses the OSC address %s with 200',
    (address) => {
      expect(failureOf(() => fromOsc({ address, args: [] }))).toMatchObject({ code: 200 });
    },
  );

  it.each(['/osc', '/other/a', '/oscar/a', '/osc/a?', '/osc/{a}', '/osc/a[1]'])(
    'does not send to %s, with 200',
    (address) => {
      expect(failureOf(() => toOsc(param(1, address)))).toMatchObject({ code: 200, address });
    },
  );

  it('refuses with 402, naming the address, what has no form in OSC', () => {
    for (const signal of [
      param({ a: 1 }),
      param([1, { a: 1 }]),
      param(2n ** 70n),
      { kind: 'gesture', address: '/osc/a', id: 1, phase: 'start', value: 1 },
      { kind: 'timeline', address: '/osc/a', keyframes: [] },
    ] satisfies Signal[]) {
      expect(failureOf(() => toOsc(signal))).toMatchObject({ code: 402, address: '/osc/a' });
    }
  });
});

describe('OSC tags', () => {
  it('are read as OSC writes them', () => {
    expect(parseOscTags(',i[f[s]]T')).toEqual(['i', ['f', ['s']], 'T']);
    expect(parseOscTags('')).toEqual([]);
    for (const wrong of ['x', '[', 'i]', '[[i]', 'i f', ',,'])
      expect(failureOf(() => parseOscTags(wrong)).code).toBe(402);
  });

  it('are told from those of other arguments', () => {
    fc.assert(
      fc.property(oscMessages, oscMessages, (a, b) => {
        expect(hasOscTags(a.args, oscTagsOf(a.args))).toBe(true);
        expect(hasOscTags(a.args, oscTagsOf(b.args))).toBe(
          JSON.stringify(oscTagsOf(a.args)) === JSON.stringify(oscTagsOf(b.args)),
        );
      }),
    );
    const array: OscTags = [['f']];
    expect(hasOscTags([{ type: 'f', value: 1 }], array)).toBe(false);
  });
});

function toWholeMicros(argument: OscArgument): OscArgument {
  if (argument.type === 't') return { type: 't', value: oscTimetag(oscTimetagMicros(argument.value)) };
  return argument.type === '[' ? { type: '[', value: argument.value.map(toWholeMicros) } : argument;
}

function hasMap(value: Value): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return !Array.isArray(value) || value.some(hasMap);
}

/** A lone array is its elements, one element is itself, none is null; numbers are rounded to f32. */
function asOscLeavesIt(value: Value): Value {
  const rounded = (some: Value): Value =>
    typeof some === 'number' ? Math.fround(some) : Array.isArray(some) ? some.map(rounded) : some;
  if (!Array.isArray(value) || value.length > 1) return rounded(value);
  return value.length === 0 ? null : rounded(value[0] as Value);
}
