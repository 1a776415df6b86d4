// The quick starts of docs/browser.md, from `npm create vite` to a page in Chromium, with the package as it is packed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Client } from '../core/client/client.ts';
import { type OpenChromium, openChromium } from '../peers/chromium.ts';
import { installed } from '../peers/installed.ts';
import { createRelay, type Relay } from '../platform-node/relay.ts';
import { root } from './public-names.ts';

const eventually = { timeout: 30_000, interval: 100 };
const page = readFileSync(join(root, 'docs/browser.md'), 'utf8');

/** The files of a quick start, by name. */
const filesOf = (heading: string): [name: string, text: string][] => {
  const part = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  return [...part.matchAll(/^```tsx? title=(\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', text = '']) => [name, text]);
};

function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

let scratch = '';
let packed = '';
let relay: Relay;
let port = 0;
let browser: OpenChromium;
const servers: ViteDevServer[] = [];

/** Makes the project as the page says; installing is unpacking our tarball, and links to the packages of this repository. */
function project(template: string, heading: string): string {
  run(scratch, process.execPath, join(root, 'node_modules/create-vite/index.js'), template, '--template', template);
  const folder = join(scratch, template);
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'clasp-rx'), { recursive: true });
  run(folder, 'tar', '-xzf', packed, '-C', join(modules, 'clasp-rx'), '--strip-components=1');
  const { dependencies = {}, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const ours = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies;
  for (const name of [...Object.keys({ ...dependencies, ...devDependencies, ...ours }), 'rxjs']) {
    // Of its own linter the template says nothing that the page needs.
    if (name === 'oxlint') continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'dir');
  }
  const files = filesOf(heading);
  expect(files.length).toBeGreaterThan(0);
  for (const [name, text] of files) writeFileSync(join(folder, name), text.replaceAll(':7330', `:${port}`));
  return folder;
}

/** `npm run dev`, and two pages. */
async function open(folder: string): Promise<[Page, Page]> {
  const server = await createServer({ root: folder, logLevel: 'error', server: { port: 0, host: '127.0.0.1' } });
  servers.push(server);
  await server.listen();
  const address = server.httpServer?.address() as AddressInfo | undefined;
  const pages = await Promise.all([browser.context.newPage(), browser.context.newPage()]);
  for (const each of pages) await each.goto(`http://localhost:${address?.port}/`);
  return pages as [Page, Page];
}

const typeCheck = (folder: string, ...words: string[]) =>
  run(folder, process.execPath, join(root, 'node_modules/typescript/bin/tsc'), ...words);

/** The pages and the relay know the same level, whoever sets it. */
async function movesTogether([one, other]: readonly [Page, Page], desk: Client, address: string): Promise<void> {
  const level = (each: Page) => each.locator('input[type=range]').inputValue();
  for (const each of [one, other])
    await expect.poll(() => each.locator('p').first().innerText(), eventually).toBe('connected');
  await one.locator('input[type=range]').fill('0.75');
  await expect.poll(() => level(other), eventually).toBe('0.75');
  await vi.waitFor(async () => expect(await desk.get(address)).toBe(0.75), eventually);
  await desk.set(address, 0.25);
  for (const each of [one, other]) await expect.poll(() => level(each), eventually).toBe('0.25');
}

describe.skipIf(!installed('chromium'))('docs/browser.md', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'clasp-rx-browser-'));
    const [tarball] = JSON.parse(run(root, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', scratch));
    packed = join(scratch, tarball.filename);
    relay = createRelay({ port: 0 });
    ({ port } = await relay.ready);
    browser = await openChromium();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await Promise.all(servers.map((server) => server.close()));
    await relay?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('the quick start with Vite compiles, connects and moves with everybody', async () => {
    const folder = project('vanilla-ts', 'Quick start with Vite');
    typeCheck(folder);
    const pages = await open(folder);
    await movesTogether(pages, relay.client('desk'), '/lights/front');
  }, 120_000);

  it('the quick start with React does, too', async () => {
    const folder = project('react-ts', 'Quick start with React');
    typeCheck(folder, '-b');
    const pages = await open(folder);
    const desk = relay.client('desk');
    await desk.set('/lights/front', 0.5);
    await expect.poll(() => pages[0].locator('output').innerText(), eventually).toBe('0.5');
    await movesTogether(pages, desk, '/lights/front');
  }, 120_000);
});
