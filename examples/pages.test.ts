// The example pages as people open them: from the page that `npm run example:browser` names, on a desk and on a phone.
import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenChromium, openChromium } from '../peers/chromium.ts';
import { installed } from '../peers/installed.ts';
import { createRelay, type Relay } from '../platform-node/relay.ts';

const eventually = { timeout: 20_000, interval: 100 };
const LONG = `/${Array.from({ length: 12 }, (_, n) => `a-rather-long-segment-${n}`).join('/')}`;

describe('the code of the example pages', () => {
  const pages = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /^(browser-client|tab-relay)\/.*(?<!\.test)\.ts$/.test(path),
  );

  it.each(pages)('%s imports the package by its name, so that it can be copied', (path) => {
    const text = readFileSync(join(import.meta.dirname, path), 'utf8');
    const out = [...text.matchAll(/from '(\.\.\/[^']*)'/g)].map(([, from]) => from);
    expect(out.filter((from) => !from?.startsWith('../tab-relay/'))).toEqual([]);
  });
});

describe.skipIf(!installed('chromium'))('the example pages', () => {
  let relay: Relay;
  let vite: ViteDevServer;
  let browser: OpenChromium;
  let origin = '';
  let page: Page;

  beforeAll(async () => {
    relay = createRelay({ port: 0, params: [{ pattern: '/faders/*', range: [0, 1] }] });
    const { port } = await relay.ready;
    const desk = relay.client('desk');
    await desk.set(LONG, 'a text that is longer than a phone is wide, without-any-place-to-break-it'.repeat(3));
    await desk.set('/faders/1', 0.5);
    await desk.set('/colour', [255, 160, 0, 12, 255, 160, 0, 12]);
    vite = await createServer({
      configFile: false,
      root: import.meta.dirname,
      logLevel: 'error',
      server: { port: 0, host: '127.0.0.1' },
    });
    await vite.listen();
    const address = vite.httpServer?.address() as AddressInfo | undefined;
    origin = `http://localhost:${address?.port}`;
    browser = await openChromium();
    page = await browser.context.newPage();
    await page.goto(origin);
    await page.getByRole('link', { name: 'A page that shows a relay' }).click();
    await page.goto(`${page.url()}?url=ws://localhost:${port}`);
    await page.locator('tr[data-address="/faders/1"]').waitFor();
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    await vite?.close();
    await relay?.close();
  });

  const shoot = async (name: string) => {
    const folder = process.env['SCREENSHOTS'];
    if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  };

  it.each([
    ['a desk', 1280, 800],
    ['a phone', 360, 740],
    ['a small phone', 320, 568],
  ])('fit on %s', async (name, width, height) => {
    await page.setViewportSize({ width, height });
    const over = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    await shoot(name.replaceAll(' ', '-'));
    expect(await over()).toBe(0);
    const slider = await page.locator('tr[data-address="/faders/1"] input').boundingBox();
    expect(slider?.width).toBeGreaterThan(60);
  });

  it.each(['/', '/tab-relay/', '/tab-relay/join.html'])('%s fits on a phone too', async (path) => {
    const other = await browser.context.newPage();
    await other.setViewportSize({ width: 320, height: 568 });
    await other.goto(`${origin}${path}`);
    const over = () =>
      other.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await over()).toBe(0);
    await other.close();
  });

  it.each([
    ['no-slash', '0.5', 'must start with "/"'],
    ['/faders/1', '7', '/faders/1'],
  ])('say what is wrong with %s = %s', async (address, value, told) => {
    await page.locator('input[name=address]').fill(address);
    await page.locator('input[name=value]').fill(value);
    await page.getByRole('button', { name: 'Set' }).click();
    await expect.poll(() => page.getByRole('alert').innerText(), eventually).toContain(told);
    await shoot(`refused-${value}`);
    await page.locator('input[name=address]').fill('/fine');
    await page.getByRole('button', { name: 'Set' }).click();
    await expect.poll(() => page.getByRole('alert').count(), eventually).toBe(0);
  });
});
