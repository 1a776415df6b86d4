import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, type ServedPages, servePages } from '../peers/bundle.ts';
import { type OpenChromium, openChromium } from '../peers/chromium.ts';
import { installed } from '../peers/installed.ts';
import type { TokenVector } from '../peers/security-page.ts';
import { verifyCapability } from '../platform-node/token/capabilities.ts';

const file = new URL('../testing/vectors/cap-tokens.json', import.meta.url);
const { tokens, keys, now } = JSON.parse(readFileSync(file, 'utf8'));

describe.skipIf(!installed('chromium'))('tokens and keys in Chromium', () => {
  let chromium: OpenChromium;
  let pages: ServedPages;

  beforeAll(async () => {
    const code = await bundle(fileURLToPath(new URL('../peers/security-page.ts', import.meta.url)));
    const page = '<!doctype html><title>security</title><script type="module" src="/security.js"></script>';
    pages = await servePages({ '/': page, '/security.js': code });
    chromium = await openChromium();
  });
  afterAll(async () => {
    await chromium?.close();
    await pages?.close();
  });
  const open = async (): Promise<Page> => {
    const page = await chromium.context.newPage();
    await page.goto(pages.origin);
    await page.waitForFunction(() => window.security);
    return page;
  };

  it.each([true, false])('every vector has the same answer as in Node; with WebCrypto: %s', async (native) => {
    const page = await open();
    const vectors = (tokens as (TokenVector & { ours: { code?: number } })[]).map(({ token, anchors, maxDepth }) => {
      return { token, anchors, maxDepth };
    });
    const codes = await page.evaluate(([vectors, now, native]) => window.security.verdicts(vectors, now, native), [
      vectors,
      now * 1000,
      native,
    ] as const);
    expect(codes).toEqual((tokens as { ours: { code?: number } }[]).map(({ ours }) => ours.code ?? 0));
    await page.close();
  });

  it('what a page mints and signs for a minute, Node takes', async () => {
    const page = await open();
    const token = await page.evaluate(([seed, audience, holder]) => window.security.held(seed, audience, holder), [
      keys.A.seedHex,
      keys.B.publicHex,
      keys.B.seedHex,
    ] as [string, string, string]);
    expect(verifyCapability(token, { anchors: [keys.A.publicHex] })).toMatchObject({ valid: true });
    await page.close();
  });

  it('members of a group hear each other by WebCrypto, and nobody else does', async () => {
    const page = await open();
    const { heard, seen } = await page.evaluate(() => window.security.group());
    expect(heard).toEqual(['secret words', { n: 1 }]);
    expect(seen).toContain('"_e2e":1');
    expect(seen).not.toContain('secret');
    await page.close();
  });

  it('users and tokens outlive the page in IndexedDB', async () => {
    const page = await open();
    const token = await page.evaluate(() => window.security.register('ada'));
    await page.close();
    const again = await open();
    const subject = await again.evaluate((token) => window.security.enter(token), token);
    expect(subject).toMatch(/^u-\d+-[0-9a-f]{8}$/);
    await again.close();
  });
});
