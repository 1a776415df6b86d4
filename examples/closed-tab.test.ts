import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, type ServedPages, servePages } from '../peers/bundle.ts';
import { type OpenChromium, openChromium } from '../peers/chromium.ts';
import { installed } from '../peers/installed.ts';
import type { ClaspBuilder } from '../platform-browser/clasp.ts';
import { createRelay, type Relay } from '../platform-node/relay.ts';

/** Pages with our client and with the published one: both are told to hold a touch, then their tab is closed. */
const PAGES = {
  ours: fileURLToPath(new URL('../platform-browser/clasp.ts', import.meta.url)),
  published: fileURLToPath(import.meta.resolve('@clasp-to/core')),
} as const;

describe.skipIf(!installed('chromium'))('a tab that is closed in the middle of a touch', () => {
  let browser: OpenChromium;
  let pages: ServedPages;
  let relay: Relay;
  let url: string;

  beforeAll(async () => {
    relay = createRelay({ port: 0 });
    url = (await relay.ready).urls[0] as string;
    const [ours, published] = await Promise.all([bundle(PAGES.ours), bundle(PAGES.published)]);
    const page = (script: string) =>
      `<!doctype html><script type="module">import * as clasp from '/${script}.js'; Object.assign(globalThis, clasp);</script>`;
    pages = await servePages({
      '/ours': page('ours'),
      '/published': page('published'),
      '/ours.js': ours,
      '/published.js': published,
    });
    browser = await openChromium();
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await pages?.close();
    await relay?.close();
  });

  it.each(['ours', 'published'] as const)('ends its gesture in a cancel (%s client)', async (client) => {
    const seen: string[] = [];
    const watching = relay
      .client('watch')
      .on('/pad/**', { types: ['gesture'] })
      .subscribe((signal) => signal.kind === 'gesture' && seen.push(signal.phase));

    const tab = await browser.context.newPage();
    await tab.goto(`${pages.origin}/${client}`);
    await tab.waitForFunction('globalThis.ClaspBuilder');
    await tab.evaluate(async (relayUrl) => {
      const Builder = Reflect.get(globalThis, 'ClaspBuilder') as typeof ClaspBuilder;
      const clasp = await new Builder(relayUrl).withName('pad').connect();
      clasp.gesture('/pad/xy', 7, 'start', { x: 0.1, y: 0.2 });
      clasp.gesture('/pad/xy', 7, 'move', { x: 0.3, y: 0.2 });
    }, url);
    await expect.poll(() => seen).toEqual(['start', 'move']);
    await tab.close();
    await expect.poll(() => seen).toEqual(['start', 'move', 'cancel']);
    watching.unsubscribe();
  });
});
