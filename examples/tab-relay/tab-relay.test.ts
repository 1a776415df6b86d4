import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenChromium, openChromium } from '../../peers/chromium.ts';
import { installed } from '../../peers/installed.ts';

// The example as people open it, in real Chromium: a relay in one tab, a client in another, one in a frame, and a
// MIDI controller, whose ports web-midi-test provides.

const wmt = createRequire(import.meta.url).resolve('web-midi-test');

let browser: OpenChromium;
let server: ViteDevServer;
let origin: string;

/** What a page shows for an address; undefined when it has no such row. */
async function shown(page: Page, address: string): Promise<string | undefined> {
  const cell = page.locator(`tr[data-address="${address}"] td.value`);
  return (await cell.count()) > 0 ? await cell.innerText() : undefined;
}

async function write(page: Page, address: string, value: string): Promise<void> {
  await page.locator('input[name=address]').fill(address);
  await page.locator('input[name=value]').fill(value);
  await page.getByRole('button', { name: 'Set' }).click();
}

const eventually = { timeout: 20_000, interval: 100 };

describe.skipIf(!installed('chromium'))('a relay in a browser tab', () => {
  let relay: Page;
  let second: Page;

  beforeAll(async () => {
    server = await createServer({
      configFile: false,
      root: import.meta.dirname,
      logLevel: 'error',
      server: { port: 0, host: '127.0.0.1' },
      optimizeDeps: { include: ['rxjs'] },
    });
    await server.listen();
    const address = server.httpServer?.address() as AddressInfo | undefined;
    origin = `http://localhost:${address?.port}`;
    browser = await openChromium();
    relay = await browser.context.newPage();
    await relay.addInitScript({ path: wmt });
    await relay.addInitScript(() => {
      const { WMT } = globalThis as unknown as {
        WMT: { requestMIDIAccess: unknown; MidiSrc: new (name: string) => object };
      };
      Object.defineProperty(navigator, 'requestMIDIAccess', { value: WMT.requestMIDIAccess });
      const port = new WMT.MidiSrc('nanoKONTROL2') as { connect(): void; emit(bytes: number[]): void };
      port.connect();
      Object.assign(globalThis, { desk: port });
    });
    await relay.goto(`${origin}/index.html`);
    second = await browser.context.newPage();
    await second.goto(`${origin}/join.html`);
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('is joined by a second tab over BroadcastChannel and by a frame over a MessagePort', async () => {
    await expect.poll(() => second.locator('#status').innerText(), eventually).toBe('connected to Tab relay');
    const frame = relay.frameLocator('iframe');
    await expect.poll(() => frame.locator('#status').innerText(), eventually).toBe('connected to Tab relay');
    await expect.poll(() => relay.locator('#sessions').innerText(), eventually).toBe('2');
  });

  it('lets both tabs see each other’s values, and the frame too', async () => {
    await write(second, '/light/1', '0.25');
    await expect.poll(() => shown(relay, '/light/1'), eventually).toBe('0.25');
    await write(relay, '/light/2', '0.75');
    await expect.poll(() => shown(second, '/light/2'), eventually).toBe('0.75');
    const inFrame = relay.frameLocator('iframe').locator('tr[data-address="/light/2"] td.value');
    await expect.poll(() => inFrame.innerText(), eventually).toBe('0.75');
  });

  it('shows a MIDI controller’s controls as params in every tab', async () => {
    await expect.poll(() => relay.locator('#midi').innerText(), eventually).toContain('nanoKONTROL2');
    await relay.evaluate(() =>
      (globalThis as unknown as { desk: { emit(bytes: number[]): void } }).desk.emit([0xb0, 1, 127]),
    );
    await expect.poll(() => shown(relay, '/midi/ch/1/cc/1'), eventually).toBe('1');
    await expect.poll(() => shown(second, '/midi/ch/1/cc/1'), eventually).toBe('1');
  });

  it('gives a late joiner the snapshot, and ends the session of a tab that closes', async () => {
    const late = await browser.context.newPage();
    await late.goto(`${origin}/join.html`);
    await expect.poll(() => shown(late, '/light/1'), eventually).toBe('0.25');
    await expect.poll(() => relay.locator('#sessions').innerText(), eventually).toBe('3');
    await late.close();
    await expect.poll(() => relay.locator('#sessions').innerText(), eventually).toBe('2');
  });

  it('says in the other tabs that it is gone when its tab closes', async () => {
    const picture = process.env['SCREENSHOTS'];
    if (picture) {
      await relay.screenshot({ path: `${picture}/tab-relay.png` });
      await second.screenshot({ path: `${picture}/tab-relay-joined.png` });
    }
    await relay.close();
    await expect.poll(() => second.locator('#status').innerText(), eventually).not.toBe('connected to Tab relay');
  });
});
