import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseArguments } from './arguments.ts';
import { UsageError } from './command.ts';

const command = {
  arguments: [
    { name: 'ADDRESS', help: 'an address' },
    { name: 'VALUE', help: 'a value', optional: true },
  ],
  options: {
    url: { kind: 'text', placeholder: 'URL', help: '', env: 'CLASP_URL', fallback: 'ws://here' },
    mode: { kind: 'text', placeholder: 'MODE', help: '', choices: ['a', 'b'] },
    target: { kind: 'texts', placeholder: 'HOST:PORT', help: '' },
    port: { kind: 'number', placeholder: 'PORT', help: '', min: 0, max: 65_535, whole: true, aliases: ['ws-port'] },
    epsilon: { kind: 'number', placeholder: 'DISTANCE', help: '', min: -1, max: Number.POSITIVE_INFINITY },
    json: { kind: 'flag', help: '' },
  },
} as const;

const parse = (words: string, env: Record<string, string> = {}) =>
  parseArguments(words.split(' ').filter(Boolean), command, env);

const refusalOf = (words: string): string => {
  try {
    parse(words);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error(`"${words}" was accepted`);
};

describe('arguments of a command', () => {
  it('are words and options in any order', () => {
    const { options, args } = parse('/a --json --port 1 x --target h:1 --target=h:2');
    expect(args).toEqual(['/a', 'x']);
    expect(options).toEqual({
      url: 'ws://here',
      mode: undefined,
      target: ['h:1', 'h:2'],
      port: 1,
      epsilon: undefined,
      json: true,
    });
  });

  it('take a negative number for a value, not for an option', () => {
    expect(parse('/a -0.5').args).toEqual(['/a', '-0.5']);
    expect(parse('/a -.5 --epsilon -1').options.epsilon).toBe(-1);
    expect(parse('/a -- --json').args).toEqual(['/a', '--json']);
  });

  it('prefer the option to the environment, and the environment to the default', () => {
    expect(parse('/a', { CLASP_URL: 'ws://env' }).options.url).toBe('ws://env');
    expect(parse('/a', { CLASP_URL: '' }).options.url).toBe('ws://here');
    expect(parse('/a --url ws://given', { CLASP_URL: 'ws://env' }).options.url).toBe('ws://given');
  });

  it('know an option by its other name, and the last one counts', () => {
    expect(parse('/a --port 1 --ws-port 2').options.port).toBe(2);
  });

  it('ask for help wherever it stands', () => {
    expect(parse('--help').help).toBe(true);
    expect(parse('/a -h').help).toBe(true);
    expect(parse('/a x y --help').help).toBe(true);
    expect(parse('/a --').help).toBe(false);
  });

  it.each([
    ['', 'ADDRESS is missing: an address'],
    ['/a b c', '"c" is one word too many; quote text with spaces and patterns: \'/osc/**\', \'"two words"\''],
    ['/a --prot 1', 'unknown option --prot; did you mean --port?'],
    ['/a --frobnicate', 'unknown option --frobnicate'],
    ['/a -x', 'unknown option -x'],
    ['/a --port', '--port needs a value: --port PORT'],
    ['/a --port --json', '--port needs a value: --port PORT'],
    ['/a --json=yes', '--json takes no value'],
    ['/a --port x', '--port is a whole number from 0 to 65535, not "x"'],
    ['/a --port 1.5', '--port is a whole number from 0 to 65535, not "1.5"'],
    ['/a --port 65536', '--port is a whole number from 0 to 65535, not "65536"'],
    ['/a --port=', '--port is a whole number from 0 to 65535, not ""'],
    ['/a --epsilon nan', '--epsilon is a number from -1, not "nan"'],
    ['/a --mode c', '--mode is one of a, b, not "c"'],
    ['/a --__proto__ 1', 'unknown option --__proto__'],
  ])('that make no sense are refused with what would: %s', (words, refusal) => {
    expect(refusalOf(words)).toBe(refusal);
  });

  it('never fail in another way', () => {
    const word = fc.oneof(
      fc.constantFrom('--', '-', '---', '--port', '--json', '--no-json', '-1', '--url=', '-jh', '--=', '\0-1', '-\0'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        try {
          parseArguments(words, command, {});
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('options of the published command', () => {
  const foreign = {
    'drain-timeout': { takesValue: true, feature: 'draining' },
    fast: { takesValue: false, feature: 'speed' },
    cert: { takesValue: true, feature: 'TLS', protects: true },
  };
  const read = (words: string) => parseArguments(words.split(' '), { options: {}, arguments: [], foreign }, {});

  it('are passed over with their value, and told of', () => {
    const { args, notices } = read('--drain-timeout 5 --fast');
    expect(args).toEqual([]);
    expect(notices).toEqual([
      '--drain-timeout is passed over: it belongs to draining, which this version does not have',
      '--fast is passed over: it belongs to speed, which this version does not have',
    ]);
  });

  it('that protect a relay are wrong usage, since it would be open', () => {
    expect(() => read('--cert a.pem')).toThrow('--cert needs TLS');
  });
});
