import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer as createVite, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type OpenChromium, openChromium } from '../peers/chromium.ts';
import { freePort, freeUdpPort } from '../peers/free-port.ts';
import { installed } from '../peers/installed.ts';

// The main job, as a new user would try it, with nothing of ours pretending to be somebody else: oscsend → the relay
// as the command starts it → the published client, `clasp-rx sub`, a page in Chromium; and back out to oscdump.

const root = join(import.meta.dirname, '..');
const main = join(root, 'dist/platform-node/cli/main.js');
const children: ChildProcess[] = [];

interface Running {
  readonly child: ChildProcess;
  readonly lines: string[];
}

function run(command: string, args: readonly string[]): Running {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const collect = (text: string) => lines.push(...text.split('\n').filter(Boolean));
  child.stdout?.setEncoding('utf8').on('data', collect);
  child.stderr?.setEncoding('utf8').on('data', collect);
  children.push(child);
  return { child, lines };
}

const eventually = { timeout: 20_000, interval: 100 };

describe.skipIf(!installed('oscsend') || !installed('oscdump') || !installed('chromium'))('OSC to everyone', () => {
  let browser: OpenChromium;
  let vite: ViteDevServer;
  let url: string;
  let oscIn: number;
  let dumped: Running;
  let printed: Running;
  let published: Running;

  beforeAll(async () => {
    const port = await freePort();
    oscIn = await freeUdpPort();
    const oscOut = await freeUdpPort();
    url = `ws://localhost:${port}`;
    dumped = run('oscdump', ['-L', String(oscOut)]);
    const ports = ['--port', String(port), '--osc-port', String(oscIn), '--osc-target', `localhost:${oscOut}`];
    const relay = run(process.execPath, [main, 'relay', ...ports]);
    await vi.waitFor(() => expect(relay.lines.join('\n')).toContain(`ws://localhost:${port}`), eventually);
    printed = run(process.execPath, [main, 'sub', '/osc/**', '--url', url]);
    published = run(process.execPath, [join(root, 'examples/published-client.mjs'), url]);

    vite = await createVite({
      configFile: false,
      root: import.meta.dirname,
      logLevel: 'error',
      server: { port: 0, host: '127.0.0.1' },
      optimizeDeps: { include: ['rxjs'] },
    });
    await vite.listen();
    browser = await openChromium();
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    await vite?.close();
    for (const child of children) child.kill('SIGTERM');
  });

  it('a value from oscsend reaches the published client, the command line and a page', async () => {
    const address = vite.httpServer?.address() as AddressInfo | undefined;
    const page = await browser.context.newPage();
    await page.goto(`http://localhost:${address?.port}/browser-client/?url=${url}`);
    await expect.poll(() => page.locator('#status').innerText(), eventually).toBe('connected to clasp-rx');
    await expect.poll(() => published.lines, eventually).toContain('/osc/mixer/1 0.75');

    await once(run('oscsend', ['localhost', String(oscIn), '/synth/cutoff', 'f', '0.5']).child, 'exit');
    await expect.poll(() => published.lines, eventually).toContain('/osc/synth/cutoff 0.5');
    await expect.poll(() => printed.lines, eventually).toContain('/osc/synth/cutoff 0.5');
    const cell = page.locator('tr[data-address="/osc/synth/cutoff"] td.value');
    await expect.poll(() => cell.innerText(), eventually).toBe('0.5');
  });

  it('what the published client sets comes out as OSC', async () => {
    await expect.poll(() => dumped.lines.join('\n'), eventually).toContain('/mixer/1 f 0.750000');
  });

  it('SIGTERM ends the relay with 0 and closes its sessions', async () => {
    const relay = children[1] as ChildProcess;
    const ended = once(relay, 'exit');
    relay.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  });
});
