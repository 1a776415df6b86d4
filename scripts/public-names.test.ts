import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { barrels, publicNames, root } from './public-names.ts';

describe('every public name has a doc comment', () => {
  it.each([...barrels])('in %s', (_, barrel) => {
    const names = publicNames(join(root, barrel));
    expect(names.size, `${barrel} exports nothing`).toBeGreaterThan(0);
    const bare = [...names].filter(([, { documented }]) => !documented);
    expect(bare.map(([name, { file }]) => `${name} in ${relative(root, file)}`)).toEqual([]);
  });
});

describe('publicNames', () => {
  let folder = '';
  const names = (barrel: string) =>
    Object.fromEntries([...publicNames(join(folder, barrel))].map(([name, { documented }]) => [name, documented]));
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'clasp-rx-names-'));
    write('a.ts', '/** One. */\nexport const one = 1;\nexport const two = 2;\n/* not doc */\nexport type Three = 3;\n');
    write(
      'b.ts',
      '/** Over. */\nexport function over(a: 1): 1;\nexport function over(a: 2): 2;\nexport function over(a: 1 | 2) {\n  return a;\n}\nclass Bare {}\n/** X. */\nclass Doc {}\nexport { Bare, Doc as Renamed };\nexport interface All {\n  /** A. */\n  a: 1;\n}\nexport interface Some {\n  /** A. */\n  a: 1;\n  b: 2;\n}\n',
    );
    write('cycle.ts', "export * from './cycle.ts';\nexport * from './a.ts';\n");
    write(
      'index.ts',
      "export { one as uno } from './a.ts';\nexport * from './b.ts';\nexport { of } from 'rxjs';\nimport { two } from './a.ts';\nexport { two };\nexport { gone } from './a.ts';\n",
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('finds the doc comment before a declaration, and only there', () => {
    expect(names('a.ts')).toEqual({ one: true, two: false, Three: false });
    expect(names('b.ts')).toEqual({ over: true, Bare: false, Renamed: true, All: true, Some: false });
  });

  it('ends on a module that exports itself', () => {
    expect(Object.keys(names('cycle.ts'))).toEqual(['one', 'two', 'Three']);
  });

  it('follows names through other modules', () => {
    expect(names('index.ts')).toEqual({
      uno: true,
      over: true,
      Bare: false,
      Renamed: true,
      All: true,
      Some: false,
      of: true,
      two: false,
      gone: false,
    });
  });
});
