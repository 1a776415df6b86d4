import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ServedPages, servePages } from '../peers/bundle.ts';
import { type OpenChromium, openChromium } from '../peers/chromium.ts';
import { freePort, freeUdpPort } from '../peers/free-port.ts';
import { installed } from '../peers/installed.ts';

// One value from mosquitto_pub, read by everybody else who speaks to the relay, each in its own language: the published
// client, curl, an EventSource in a page, oscdump.

const root = join(import.meta.dirname, '..');
const main = join(root, 'dist/platform-node/cli/main.js');
const eventually = { timeout: 20_000, interval: 100 };
const execute = promisify(execFile);
// Named one by one: whoever lacks one is told which tests that costs.
const available = installed('mosquitto_pub') && installed('oscdump') && installed('curl') && installed('chromium');

describe.skipIf(!available)('MQTT to everyone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clasp-rx-everyone-'));
  const children: ChildProcess[] = [];
  let browser: OpenChromium;
  let pages: ServedPages;
  let port: number;
  let mqttPort: number;
  let dumped: string[];
  let published: string[];

  const run = (command: string, args: readonly string[]): string[] => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: string[] = [];
    const collect = (text: string) => lines.push(...text.split('\n').filter(Boolean));
    child.stdout?.setEncoding('utf8').on('data', collect);
    child.stderr?.setEncoding('utf8').on('data', collect);
    children.push(child);
    return lines;
  };

  beforeAll(async () => {
    [port, mqttPort] = [await freePort(), await freePort()];
    const oscOut = await freeUdpPort();
    const config = {
      name: 'Venue',
      port,
      cors: ['*'],
      bridges: [
        { name: 'clients', type: 'mqtt-server', port: mqttPort },
        { name: 'osc', type: 'osc', listen: false, targets: [`127.0.0.1:${oscOut}`] },
      ],
      routes: [{ from: '/mqtt/**', to: '/osc/mqtt/$1' }],
    };
    const file = join(folder, 'clasp.config.json');
    writeFileSync(file, JSON.stringify(config, undefined, 2));
    dumped = run('oscdump', ['-L', String(oscOut)]);
    const relay = run(process.execPath, [main, 'relay', '--config', file]);
    await vi.waitFor(() => expect(relay.join('\n')).toContain(`ws://localhost:${port}`), eventually);
    published = run(process.execPath, [
      join(root, 'examples/published-client.mjs'),
      `ws://localhost:${port}`,
      '/mqtt/**',
    ]);
    pages = await servePages({ '/': '<!doctype html><title>elsewhere</title>' });
    browser = await openChromium();
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    await pages?.close();
    for (const child of children) child.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });

  it('what mosquitto_pub retains is read by the published client, curl, a page and oscdump', async () => {
    const page = await browser.context.newPage();
    await page.goto(pages.origin);
    await page.evaluate((url) => {
      const seen: string[] = [];
      Object.assign(globalThis, { seen });
      new EventSource(url).addEventListener('param', ({ data }) => seen.push(data));
    }, `http://localhost:${port}/v1/events?pattern=/mqtt/**`);

    await execute('mosquitto_pub', ['-r', '-p', String(mqttPort), '-t', 'sensors/temp', '-m', '21.5']);

    await expect.poll(() => published, eventually).toContain('/mqtt/sensors/temp 21.5');
    const { stdout } = await execute('curl', ['-s', `http://localhost:${port}/v1/state/mqtt/sensors/temp`]);
    expect(JSON.parse(stdout)).toMatchObject({ address: '/mqtt/sensors/temp', value: 21.5, revision: 1 });
    const inPage = () =>
      page.evaluate(() => (Reflect.get(globalThis, 'seen') as string[]).map((text) => JSON.parse(text)));
    await expect
      .poll(async () => (await inPage()).at(-1), eventually)
      .toMatchObject({
        address: '/mqtt/sensors/temp',
        value: 21.5,
      });
    await expect.poll(() => dumped.join('\n'), eventually).toContain('/mqtt/sensors/temp f 21.500000');
  });
});
