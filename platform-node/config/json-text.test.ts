import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonFault, type JsonText, readJsonText, type ValuePath } from './json-text.ts';

/** What a text says, or why it says nothing. */
const read = (text: string): JsonText | string => {
  try {
    return readJsonText(text);
  } catch (cause) {
    if (cause instanceof JsonFault) return cause.message;
    throw cause;
  }
};

/** Every value with its path. */
const within = (value: unknown, path: ValuePath = []): [ValuePath, unknown][] => {
  const inner = Array.isArray(value)
    ? value.flatMap((item, index) => within(item, [...path, index]))
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, item]) => within(item, [...path, key]))
      : [];
  return [[path, value], ...inner];
};

/** What stands at a line and column. */
const textAt = (text: string, { line, column }: { line: number; column: number }): string =>
  text
    .split('\n')
    .slice(line - 1)
    .join('\n')
    .slice(column - 1);

describe('the text of a JSON file', () => {
  it('says what JSON.parse says, and where each value and key stands', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const source = readJsonText(text);
        expect(source.value).toEqual(JSON.parse(text));
        for (const [path, there] of within(source.value)) {
          const start =
            typeof there === 'object' && there !== null ? (Array.isArray(there) ? '[' : '{') : JSON.stringify(there);
          expect(textAt(text, source.at(path)).startsWith(start)).toBe(true);
          const key = path.at(-1);
          if (typeof key === 'string') {
            expect(textAt(text, source.at(path, true)).startsWith(JSON.stringify(key))).toBe(true);
          }
        }
      }),
    );
  });

  it('is JSON exactly when JSON.parse says so, or has a key twice; a fault is never anything else', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '1',
      '-0.5e3',
      'true',
      'null',
      ' ',
      '\n',
      'x',
      '"',
      '\\',
      '//',
      "'",
    );
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 12 }).map((some) => some.join('')),
      fc.json(),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const result = read(text);
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          expect(typeof result).toBe('string');
          return;
        }
        if (typeof result === 'string') expect(result).toMatch(/is there twice$/);
        else expect(result.value).toEqual(parsed);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives the nearest place for what is not there', () => {
    const source = readJsonText('{\n  "bridges": [{ "type": "osc" }]\n}');
    expect(source.at(['bridges', 0, 'name'])).toEqual({ line: 2, column: 15 });
    expect(source.at(['nothing', 'here'])).toEqual({ line: 1, column: 1 });
    expect(source.at([])).toEqual({ line: 1, column: 1 });
  });

  it('may begin with the mark that editors on Windows write', () => {
    expect(readJsonText('\uFEFF{"a":1}').value).toEqual({ a: 1 });
  });
});
