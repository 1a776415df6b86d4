// What the documentation shows compiles against the built package, as a reader's program would.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from './public-names.ts';
import { allSnippets, asModule, type Snippet, snippetsOfMarkdown, snippetsOfModule } from './snippets.ts';

const tsconfig = {
  extends: '../../tsconfig.base.json',
  compilerOptions: {
    lib: ['ES2022', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
    types: ['node'],
    rootDir: '../..',
    noEmit: true,
    composite: false,
    declaration: false,
    isolatedDeclarations: false,
    verbatimModuleSyntax: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  },
  include: ['*.ts'],
  exclude: [],
};

/** Compiles snippets together; gives the errors of each, as `file:line message`. */
function compile(snippets: readonly Snippet[]): ReadonlyMap<Snippet, string[]> {
  // Inside the package, so that `clasp-rx` is this package; not published, because `files` leaves hidden folders out.
  const folder = mkdtempSync(join(root, 'dist/.snippets-'));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  const known = new Map();
  for (const [index, snippet] of snippets.entries())
    writeFileSync(join(folder, `${index}.ts`), asModule(snippet, known));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
    encoding: 'utf8',
    cwd: folder,
  });
  rmSync(folder, { recursive: true });
  const errors = new Map<Snippet, string[]>(snippets.map((snippet) => [snippet, []]));
  for (const [, index, line, message] of stdout.matchAll(/^(\d+)\.ts\((\d+),\d+\): (.*)$/gm)) {
    const snippet = snippets[Number(index)];
    // The first line of the module holds the imports.
    if (snippet) errors.get(snippet)?.push(`${snippet.file}:${snippet.line + Number(line) - 2} ${message}`);
  }
  return errors;
}

const all = allSnippets();
const checked = all.filter(({ unchecked }) => !unchecked);
const broken: Snippet = {
  file: 'docs/broken.md',
  line: 10,
  code: 'const a = 1;\nconst b: string = a;\n',
  unchecked: false,
};
const titled = checked.map((snippet): [string, Snippet] => [`${snippet.file}:${snippet.line}`, snippet]);

describe(`snippets (${checked.length} compiled, ${all.length - checked.length} marked no-check)`, () => {
  let errors: ReadonlyMap<Snippet, string[]> = new Map();
  beforeAll(() => {
    if (!existsSync(join(root, 'dist/index.d.ts'))) throw new Error('not built: run `npm run build` first');
    errors = compile([...checked, broken]);
  });
  it('are compiled: an error in one is seen, at its line', () => {
    expect(errors.get(broken)).toEqual([expect.stringContaining('docs/broken.md:11 error TS2322')]);
  });

  if (titled.length > 0) {
    it.each(titled)('%s', (_, snippet) => {
      expect(errors.get(snippet)).toEqual([]);
    });
  }
});

describe('extracting snippets', () => {
  it('takes ts blocks out of Markdown with their lines, and no others', () => {
    const text =
      '# T\n\n```ts\na;\n```\n\n```sh\nb\n```\n- x\n  ```typescript title=x no-check\n  if (c) {\n    d;\n  }\n  ```\n';
    expect(snippetsOfMarkdown('README.md', text)).toEqual([
      { file: 'README.md', line: 4, code: 'a;\n', unchecked: false },
      { file: 'README.md', line: 12, code: 'if (c) {\n  d;\n}\n', unchecked: true },
    ]);
  });

  it('takes ts blocks out of doc comments, and of no other comment', () => {
    const text =
      'let a;\n/**\n * Says.\n *\n * ```ts\n * f();\n *\n * g();\n * ```\n */\nlet b;\n/*\n```ts\nx\n```\n*/\n';
    expect(snippetsOfModule('core/x.ts', text)).toEqual([
      { file: 'core/x.ts', line: 6, code: 'f();\n\ng();\n', unchecked: false },
    ]);
  });
});
