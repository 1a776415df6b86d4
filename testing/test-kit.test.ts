import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bundle, servePages } from '../peers/bundle.ts';
import { openChromium } from '../peers/chromium.ts';
import { installed } from '../peers/installed.ts';
import { simulateOnce } from '../peers/test-kit-page.ts';

const peers = fileURLToPath(new URL('../peers', import.meta.url));

describe('the test kit', () => {
  it('works under node:test, as it is published', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      ['--test', '--test-reporter=tap', join(peers, 'test-kit-node.mjs')],
      // A test runner that finds itself in another one reports to that one instead.
      { encoding: 'utf8', env: { ...process.env, NODE_TEST_CONTEXT: undefined }, timeout: 50_000 },
    );
    expect(stdout.split('\n').filter((line) => /^\s*not ok/.test(line))).toEqual([]);
    expect(status, stdout).toBe(0);
    expect(Number(/^# tests (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(25);
  });

  it.skipIf(!installed('chromium'))('works in a browser, and simulates the same there', async () => {
    const pages = await servePages({
      '/': '<!doctype html><script type="module" src="/kit.js"></script>',
      '/kit.js': await bundle(join(peers, 'test-kit-page.ts')),
    });
    const chromium = await openChromium();
    try {
      const page = await chromium.context.newPage();
      await page.goto(pages.origin);
      await page.waitForFunction(() => typeof window.runTestKit === 'function');
      const results = await page.evaluate(() => window.runTestKit());
      expect(results.filter(({ broken }) => broken)).toEqual([]);
      expect(results.length).toBeGreaterThan(20);
      expect(await page.evaluate(() => window.simulateOnce())).toBe(simulateOnce());
    } finally {
      await chromium.close();
      await pages.close();
    }
  });
});
