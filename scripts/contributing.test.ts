// The recipes of CONTRIBUTING.md name files that exist, and commands that package.json has.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './public-names.ts';

const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
/** Where a file that is named without its folder stands. */
const FOLDERS = ['', 'core/wire/', 'operators/router/', 'platform-node/bridges/'];

it('every file it names exists', () => {
  const named = [...text.matchAll(/`([\w./-]+\.(?:ts|json)|[\w-]+\/[\w./-]*)`|\]\(([\w./-]+)\)/g)].map(
    ([, code, link]) => code ?? link ?? '',
  );
  expect(named.length).toBeGreaterThan(20);
  const missing = named.filter((path) => !FOLDERS.some((folder) => existsSync(join(root, folder + path))));
  expect(missing.filter((path) => !path.includes('NAME'))).toEqual([]);
});

it('every npm script it names exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const named = [...text.matchAll(/`npm run ([\w:]+)/g)].map(([, name = '']) => name);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
