// A program of @clasp-to/core, with nothing changed but its import, against the built package, in Node and in Chromium.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstValueFrom, ReplaySubject, type Subscription } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { router } from '../operators/router/router.ts';
import { bundle, servePages } from '../peers/bundle.ts';
import { openChromium } from '../peers/chromium.ts';
import { installed } from '../peers/installed.ts';
import { webSocketListener } from '../platform-node/web-socket/web-socket-listener.ts';
import { root } from './public-names.ts';

declare global {
  interface Window {
    program(url: string): Promise<unknown>;
  }
}

const program = readFileSync(join(root, 'peers/published-program.mjs'), 'utf8');
const PUBLISHED = "'@clasp-to/core'";
let folder = '';
let running: Subscription;
let url = '';

beforeAll(() => {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('not built: run `npm run build` first');
  // Inside the package, so that `clasp-rx` is the one that was built.
  folder = mkdtempSync(join(root, 'dist/.compat-'));
  writeFileSync(join(folder, 'published.mjs'), program);
  writeFileSync(join(folder, 'ours.mjs'), program.replace(PUBLISHED, "'clasp-rx/compat'"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  const bound = new ReplaySubject<number>(1);
  running = router()(
    webSocketListener({ port: 0, host: '127.0.0.1', onListening: ({ port }) => bound.next(port) }),
  ).subscribe();
  url = `ws://127.0.0.1:${await firstValueFrom(bound)}`;
});
afterEach(() => running.unsubscribe());

/** Runs a program in Node, and gives what it told. */
async function inNode(file: string): Promise<unknown> {
  const main = join(folder, 'main.mjs');
  writeFileSync(
    main,
    `import { WebSocket } from 'ws';
     if ('${file}' === 'published.mjs') globalThis.WebSocket ??= WebSocket; // Node 20 has none
     console.debug = () => undefined;
     const { program } = await import('./${file}');
     console.log(JSON.stringify(await program('${url}')));`,
  );
  const child = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (part) => {
    out += part;
  });
  const [code] = await once(child, 'close');
  expect(code, out).toBe(0);
  return JSON.parse(out);
}

const STORY = [
  [true, true, 'Confirm'],
  '/cue/go',
  'desk is connected',
  ['/mixer/1', 0.75],
  ['/mixer/2', { level: 1, mute: false }],
  ['/mixer/3', 'last'],
  { level: 1, mute: false },
  0.75,
  true,
];

it('tells its story with the published client', async () => {
  expect(program).toContain(PUBLISHED);
  expect(await inNode('published.mjs')).toEqual(STORY);
});

it('tells the same story with clasp-rx/compat in Node', async () => {
  expect(await inNode('ours.mjs')).toEqual(STORY);
});

describe.each([
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])('types, with module %s and resolution %s', (module, resolution) => {
  const typed = readFileSync(join(root, 'peers/published-program.ts'), 'utf8');
  const compile = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const options = ['--module', module, '--moduleResolution', resolution, '--target', 'es2022', '--lib', 'es2022,dom'];
    const strict = ['--strict', '--noUncheckedIndexedAccess', '--skipLibCheck', '--ignoreConfig', '--types', ''];
    const { stdout } = spawnSync(process.execPath, [tsc, '--noEmit', ...strict, ...options, name], {
      cwd: folder,
      encoding: 'utf8',
    });
    return stdout;
  };

  it('a program compiles with nothing changed but its import', () => {
    expect(typed).toContain(PUBLISHED);
    expect(compile('published.mts', typed)).toBe('');
    const ours = typed.replace(PUBLISHED, "'clasp-rx/compat'");
    expect(compile('ours.mts', ours)).toBe('');
    expect(compile('wrong.mts', `${ours}\ndirect.set('/a', () => 1);\n`)).toContain('TS2345');
  });
});

describe.skipIf(!installed('chromium'))('in Chromium', () => {
  it('tells the same story with clasp-rx/compat, bundled by Vite', async () => {
    const entry = join(folder, 'page.mjs');
    writeFileSync(entry, "import { program } from './ours.mjs';\nwindow.program = program;\n");
    const code = await bundle(entry);
    expect(code).not.toMatch(/from ?['"](ws|node:)/);
    const pages = await servePages({
      '/': '<!doctype html><title>compat</title><script type="module" src="/page.js"></script>',
      '/page.js': code,
    });
    const chromium = await openChromium();
    const page = await chromium.context.newPage();
    await page.goto(pages.origin);
    expect(await page.evaluate((to) => window.program(to), url)).toEqual(STORY);
    await chromium.close();
    await pages.close();
  });
});
