import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchFile } from './watch-file.ts';

let folder = '';
let file = '';
let texts: string[];
let watching: Subscription;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clasp-rx-watch-'));
  file = join(folder, 'clasp.json');
  writeFileSync(file, 'first');
  texts = [];
  watching = watchFile(file).subscribe((text) => texts.push(text));
});
afterEach(() => {
  watching.unsubscribe();
  rmSync(folder, { recursive: true });
});

const seen = (wanted: readonly string[]) =>
  vi.waitFor(() => expect(texts).toEqual(wanted), { timeout: 10_000, interval: 20 });

describe('a watched file', () => {
  it('tells its new text, whether it was written or replaced', async () => {
    writeFileSync(file, 'second');
    await seen(['second']);
    writeFileSync(`${file}.new`, 'third');
    renameSync(`${file}.new`, file);
    await seen(['second', 'third']);
    writeFileSync(file, 'fourth');
    await seen(['second', 'third', 'fourth']);
  });

  it('tells nothing while it is away, or stays as it was', async () => {
    unlinkSync(file);
    writeFileSync(join(folder, 'other.json'), 'x');
    writeFileSync(file, 'first');
    writeFileSync(file, 'first');
    writeFileSync(join(folder, 'other.json'), 'y');
    // The first to be told is the first that is new.
    await new Promise((rested) => setTimeout(rested, 300));
    writeFileSync(file, 'second');
    await seen(['second']);
  });

  it('tells the last of many writes', async () => {
    for (let i = 0; i < 50; i++) writeFileSync(file, `text ${i}`);
    await vi.waitFor(() => expect(texts.at(-1)).toBe('text 49'), { timeout: 10_000, interval: 20 });
    expect(texts.length).toBeLessThan(50);
  });

  it('that is in no folder cannot be watched', async () => {
    const failed = await new Promise((resolve) =>
      watchFile(join(folder, 'none/clasp.json')).subscribe({ error: resolve }),
    );
    expect(failed).toMatchObject({ code: 500, reason: expect.stringContaining('cannot be watched') });
  });
});
