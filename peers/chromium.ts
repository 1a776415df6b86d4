import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { installed } from './installed.ts';

export interface OpenChromium {
  /** Pages opened in one context share storage, BroadcastChannels and the profile. */
  readonly context: BrowserContext;
  /** Ends the browser and removes its profile. */
  close(): Promise<void>;
}

/** Starts the system's Chromium, headless, with a profile of its own that is removed again. */
export async function openChromium(): Promise<OpenChromium> {
  const executablePath = installed('chromium');
  if (!executablePath) throw new Error('test peer "chromium" is not installed');
  const profile = await mkdtemp(join(tmpdir(), 'clasp-rx-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    context,
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
