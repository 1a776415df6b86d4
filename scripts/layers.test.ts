// Proves that the layers hold: breaks each rule once, in a copy of the compiler's and the lint's configuration.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What each layer may import, besides itself. */
const LAYERS = {
  core: [],
  operators: ['core'],
  sources: ['core', 'operators'],
  sinks: ['core', 'operators'],
  'platform-node': ['core', 'operators', 'sources', 'sinks'],
  'platform-browser': ['core', 'operators', 'sources', 'sinks'],
  testing: ['core', 'operators', 'sources', 'sinks'],
} satisfies Record<string, string[]>;

type Layer = keyof typeof LAYERS;
const layers = Object.keys(LAYERS) as Layer[];
const allowed = (layer: Layer): readonly string[] => LAYERS[layer];
const forbidden = (layer: Layer): Layer[] =>
  layers.filter((other) => other !== layer && !allowed(layer).includes(other));
const hostFree = layers.filter((layer) => !layer.startsWith('platform-'));

/** A copy of the configuration over a tree of which nothing but the probes exists. */
function scaffold(probes: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'clasp-rx-layers-'));
  for (const file of readdirSync(root)) {
    if (/^(tsconfig.*|biome|package)\.json$/.test(file)) cpSync(join(root, file), join(folder, file));
  }
  cpSync(join(root, 'scripts/lint'), join(folder, 'scripts/lint'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const layer of layers) {
    mkdirSync(join(folder, layer));
    cpSync(join(root, layer, 'tsconfig.json'), join(folder, layer, 'tsconfig.json'));
  }
  cpSync(join(root, 'core/globals.d.ts'), join(folder, 'core/globals.d.ts'));
  for (const [path, text] of Object.entries(probes)) writeFileSync(join(folder, path), text);
  return folder;
}

const run = (folder: string, program: string, ...args: string[]): string =>
  spawnSync(process.execPath, [join(root, 'node_modules', program), ...args], { cwd: folder, encoding: 'utf8' }).stdout;

/** Compiler errors as `file:line`. */
const compile = (folder: string): string[] =>
  [...run(folder, 'typescript/bin/tsc', '-b', '--pretty', 'false').matchAll(/^(.+?)\((\d+),\d+\): error/gm)].map(
    ([, file, line]) => `${file}:${line}`,
  );

/** Lint findings as `file:line rule`, warnings included. */
const lint = (folder: string): string[] =>
  [
    ...run(
      folder,
      '@biomejs/biome/bin/biome',
      'lint',
      '--vcs-enabled=false',
      '--reporter=github',
      '--max-diagnostics=none',
    )
      // One finding a line: `::error title=RULE,file=FILE,line=LINE,…`.
      .matchAll(/^::\w+ title=([^,]+),file=([^,]+),line=(\d+)/gm),
  ].map(([, rule, file, line]) => `${file?.replace(`${folder}/`, '')}:${line} ${rule?.split('/').at(-1)}`);

const importing = (target: string): string =>
  `import { core } from '../${target}/index.ts';\n\nexport const seen: string = core;\n`;

/** What is allowed: every layer uses all that it may. */
const sound: Record<string, string> = {
  'index.ts': "export { core } from './core/index.ts';\n",
  ...Object.fromEntries(layers.map((layer) => [`${layer}/index.ts`, "export const core: string = 'c';\n"])),
  ...Object.fromEntries(
    layers.flatMap((layer) => allowed(layer).map((target) => [`${layer}/uses-${target}.ts`, importing(target)])),
  ),
};
/** What is not: an import upward or sideways, one file each. */
const upward = layers.flatMap((layer) => forbidden(layer).map((target) => `${layer}/uses-${target}.ts`));

const HOST = [
  'setTimeout',
  'setInterval',
  'Buffer',
  'process',
  'WebSocket',
  'performance',
  'crypto',
  'document',
  'queueMicrotask',
];
const hostProbe = HOST.map((name) => `export const use${name}: unknown = ${name};\n`).join('');

const LINTED = {
  "import { of } from 'rxjs/internal/observable/of';\n\nexport const a: unknown = of(1);\n": 'noRestrictedImports',
  "import { join } from 'node:path';\n\nexport const b: unknown = join('a');\n": 'noRestrictedImports',
  "import { WebSocketServer } from 'ws';\n\nexport const c: unknown = WebSocketServer;\n": 'noRestrictedImports',
  'export const d: unknown = Date.now();\n': 'noRestrictedGlobals',
  'export const e: unknown = new Date();\n': 'noRestrictedGlobals',
  'export const f: unknown = Math.random();\n': 'plugin',
  'export const g: unknown = performance.now();\n': 'plugin',
};
const WALL_CLOCK = "import { asyncScheduler } from 'rxjs';\n\nexport const h: unknown = asyncScheduler;\n";
const PROMISES = {
  'export const a: unknown = Promise.resolve(1);\n': 'plugin',
  'export const b: unknown = new Promise((done) => done(1));\n': 'plugin',
  'export const c: unknown = new Promise<number>((done) => done(1));\n': 'plugin',
  'export const d = async (n: Promise<number>): Promise<number> => await n;\n': 'plugin',
  'export async function e(n: Promise<number>): Promise<void> {\n  for await (const _ of [n]) break;\n}\n': 'plugin',
  'export const f = {\n  async g(): Promise<number> {\n    return 1;\n  },\n};\n': 'useAwait',
};
const EVERYWHERE = {
  'sources/camelCase.ts': ['export const x: number = 1;\n', 'useFilenamingConvention'],
  'sources/star.ts': ["export * from './index.ts';\n", 'noReExportAll'],
  'sources/cycle.ts': [
    "import { b } from './cycle-b.ts';\n\nexport const a: () => number = () => b();\n",
    'noImportCycles',
  ],
  'sources/cycle-b.ts': [
    "import { a } from './cycle.ts';\n\nexport const b: () => number = () => a();\n",
    'noImportCycles',
  ],
  'sources/default.ts': ['export default 1;\n', 'noDefaultExport'],
  'sources/enum.ts': ['export enum E {\n  A,\n}\n', 'noEnum'],
  'sources/any.ts': ['export const x: any = 1;\n', 'noExplicitAny'],
  'sources/say.ts': ["console.log('x');\n", 'noConsole'],
  'sources/swallow.ts': ['try {\n  decodeURI("%");\n} catch {}\n', 'noEmptyBlockStatements'],
  'sources/some.test.ts': ["import { it } from 'vitest';\n\nit.skip('x', () => undefined);\n", 'noSkippedTests'],
  'sources/one.test.ts': ["import { it } from 'vitest';\n\nit.only('x', () => undefined);\n", 'noFocusedTests'],
} satisfies Record<string, [string, string]>;

const folders: string[] = [];
const inScaffold = (probes: Record<string, string>): string => {
  const folder = scaffold(probes);
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('a tree that keeps to the layers', () => {
  it('compiles and lints', () => {
    const folder = inScaffold(sound);
    expect(compile(folder)).toEqual([]);
    expect(lint(folder)).toEqual([]);
  });
});

describe('the compiler refuses', () => {
  let errors: string[] = [];
  beforeAll(() => {
    const probes: Record<string, string> = { ...sound };
    for (const path of upward) probes[path] = importing(path.replace(/^.*uses-|\.ts$/g, ''));
    for (const layer of layers) probes[`${layer}/host.ts`] = hostProbe;
    errors = compile(inScaffold(probes));
  });

  it.each(upward)('the import in %s', (path) => {
    expect(errors.filter((error) => error.startsWith(`${path}:`))).not.toEqual([]);
  });

  it.each(hostFree)('everything of the host in %s', (layer) => {
    expect(errors.filter((error) => error.startsWith(`${layer}/host.ts`))).toEqual(
      HOST.map((_, line) => `${layer}/host.ts:${line + 1}`),
    );
  });

  it('what only browsers have in platform-node, and what only Node has in platform-browser', () => {
    const lines = (layer: Layer, name: string) => errors.includes(`${layer}/host.ts:${HOST.indexOf(name) + 1}`);
    expect([lines('platform-node', 'document'), lines('platform-node', 'process')]).toEqual([true, false]);
    expect([lines('platform-browser', 'document'), lines('platform-browser', 'process')]).toEqual([false, true]);
  });
});

describe('the lint refuses', () => {
  let found: string[] = [];
  beforeAll(() => {
    const probes: Record<string, string> = { ...sound };
    for (const path of upward) probes[path] = importing(path.replace(/^.*uses-|\.ts$/g, ''));
    for (const layer of hostFree) {
      for (const [index, text] of Object.keys(LINTED).entries()) probes[`${layer}/linted-${index}.ts`] = text;
    }
    for (const layer of layers) probes[`${layer}/wall-clock.ts`] = WALL_CLOCK;
    for (const layer of ['core', 'operators']) {
      for (const [index, text] of Object.keys(PROMISES).entries()) probes[`${layer}/promise-${index}.ts`] = text;
    }
    for (const [path, [text]] of Object.entries(EVERYWHERE)) probes[path] = text;
    found = lint(inScaffold(probes));
  });

  it.each(upward)('the import in %s', (path) => {
    expect(found).toContain(`${path}:1 noRestrictedImports`);
  });

  it.each(hostFree)('a clock, chance, Node and internals of rxjs in %s', (layer) => {
    for (const [index, [text, rule]] of Object.entries(LINTED).entries()) {
      expect(found, text).toContain(`${layer}/linted-${index}.ts:1 ${rule}`);
    }
  });

  it.each(layers)('the wall clock of asyncScheduler in %s', (layer) => {
    expect(found).toContain(`${layer}/wall-clock.ts:1 plugin`);
  });

  it.each(['core', 'operators'])('promises in %s', (layer) => {
    for (const [index, [text, rule]] of Object.entries(PROMISES).entries()) {
      const hits = found.filter(
        (finding) => finding.startsWith(`${layer}/promise-${index}.ts:`) && finding.endsWith(rule),
      );
      expect(hits, text).not.toEqual([]);
    }
  });

  it.each(Object.entries(EVERYWHERE))('%s', (path, [, rule]) => {
    expect(found.filter((finding) => finding.startsWith(`${path}:`) && finding.endsWith(` ${rule}`))).not.toEqual([]);
  });
});

describe('imports, those of types too', () => {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((file) => file !== '' && !file.endsWith('.test.ts') && existsSync(join(root, file)));
  const importsOf = new Map(files.map((file) => [file, importsIn(file)]));

  /** The files of this tree that a file names in an import, static or dynamic. */
  function importsIn(file: string): string[] {
    const text = readFileSync(join(root, file), 'utf8');
    return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) =>
      join(dirname(file), path as string),
    );
  }

  /** A way along imports from `file` back to itself; undefined where there is none. */
  function circleFrom(file: string): string | undefined {
    const seen = new Set<string>();
    const walk = (at: string, way: readonly string[]): string | undefined => {
      for (const next of importsOf.get(at) ?? []) {
        if (next === file) return [...way, next].join(' → ');
        if (seen.has(next)) continue;
        seen.add(next);
        const found = walk(next, [...way, next]);
        if (found) return found;
      }
      return undefined;
    };
    return walk(file, [file]);
  }

  it('run in no circle', () => {
    expect(files.length).toBeGreaterThan(200);
    expect(files.map(circleFrom).filter(Boolean)).toEqual([]);
  });
});
