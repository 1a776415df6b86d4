import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EMPTY, from } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BundlePart } from '../../core/client/client.ts';
import { type LocalRelay, localRelay, runCommand } from '../../peers/run-command.ts';
import { bundleCommand, parseParts } from './bundle.ts';

let relay: LocalRelay;
let folder: string;
beforeEach(() => {
  relay = localRelay();
  folder = mkdtempSync(join(tmpdir(), 'clasp-rx-bundle-'));
});
afterEach(() => {
  relay.stop();
  rmSync(folder, { recursive: true });
});

/** Runs the command with these parts on standard input. */
const piped = (text: string, ...words: string[]) =>
  runCommand(bundleCommand(relay.connect, from(text.split('\n'))), ['-', ...words]);

describe('bundle', () => {
  it('reads its parts from a file, has them applied together, and prints the revision of the last write', async () => {
    const file = join(folder, 'parts.json');
    writeFileSync(file, '[{"set": ["/a", 1]}, {"emit": ["/go", "now"]}, {"set": ["/b", [0.5]]}, {"set": ["/b", 2]}]');
    const local = relay.router.client('local');
    const heard: unknown[] = [];
    local.on('/**', (value, address) => heard.push([address, value]));
    await local.set('/ready', true);
    const outcome = await runCommand(bundleCommand(relay.connect, EMPTY), [file]);
    expect(outcome).toEqual({ code: 0, out: ['2'], err: [] });
    expect(await local.get('/b')).toBe(2);
    expect(heard.slice(1)).toEqual([
      ['/a', 1],
      ['/go', 'now'],
      ['/b', [0.5]],
      ['/b', 2],
    ]);
  });

  it('reads standard input, and prints nothing for events alone', async () => {
    expect(await piped('[{"emit":\n["/go"]}]')).toEqual({ code: 0, out: [], err: [] });
    expect(await piped('[{"emit": ["/go"]}]', '--json')).toEqual({ code: 0, out: ['{"address":"/go"}'], err: [] });
  });

  it('takes values of as many levels as the wire carries', async () => {
    const deep = `${'['.repeat(32)}1${']'.repeat(32)}`;
    const keyframes = `[{"time": 0, "value": ${deep}}, {"time": 1, "value": 1}]`;
    expect(parseParts(`[{"set": ["/a", ${deep}]}, {"timeline": ["/b", ${keyframes}]}]`)).toHaveLength(2);
    expect(await piped(`[{"set": ["/a", ${deep}]}]`)).toEqual({ code: 0, out: ['1'], err: [] });
    expect((await piped(`[{"set": ["/a", [${deep}]]}]`)).code).toBe(1);
  });

  it('applies nothing when a part fails, and says which', async () => {
    await relay.router.client('holder').set('/b', 0, { lock: true });
    const { code, err } = await piped('[{"set": ["/a", 1]}, {"set": ["/b", 1]}]');
    expect({ code, err }).toEqual({ code: 1, err: [expect.stringMatching('/b is locked by holder')] });
    expect(await relay.router.client('local').get('/a')).toBeNull();
  });

  it('with --at prints where the bundle waits, which outlives the command and can be cancelled there', async () => {
    const parts = '[{"set": ["/a", 1]}]';
    expect(await piped(parts, '--at', '+3600')).toEqual({ code: 0, out: ['/clasp/schedule/1'], err: [] });
    const local = relay.router.client('local');
    const { at } = (await local.get('/clasp/schedule/1')) as { at: number };
    expect(at - local.time()).toBeGreaterThan(3_500_000_000);
    expect(at - local.time()).toBeLessThanOrEqual(3_600_000_000);
    await local.set('/clasp/schedule/1', null);
    expect(await piped(parts, '--at', '1')).toEqual({ code: 0, out: ['1'], err: [] });
    const date = new Date(Date.now() + 60_000).toISOString();
    expect(await piped(parts, '--at', date)).toEqual({ code: 0, out: ['/clasp/schedule/2'], err: [] });
    expect(await local.get('/clasp/schedule/2')).toMatchObject({ at: Date.parse(date) * 1000 });
  });

  it('takes every kind of part that the client does', () => {
    const parts = [
      { set: ['/a', 1n, { lock: true, revision: 4, ttl: { seconds: 9, mode: 'absolute' } }] },
      { set: ['/a', null, { ttl: 9 }] },
      { emit: ['/b'] },
      { stream: ['/c', 0.5] },
      { gesture: ['/d', 3, 'move', [0.5, 0.25]] },
      {
        timeline: [
          '/e',
          [
            { time: 0, value: 0n },
            { time: 5, value: 1n, easing: 'ease-in' },
          ],
          { loop: true },
        ],
      },
    ] as unknown as BundlePart[];
    expect(
      parseParts(JSON.stringify(parts, (_, value) => (typeof value === 'bigint' ? Number(value) : value))),
    ).toEqual(parts);
  });

  it.each([
    ['{}', [], 'the parts are a list'],
    ['[', [], 'the parts are not JSON'],
    ['[{"set": ["/a", 1]}, {"put": ["/a", 1]}]', [], 'part 2 has one of set, emit, stream, gesture, timeline'],
    ['[{"set": ["/a"]}]', [], 'part 1: set: must have at least 2 entries, not ["/a"]'],
    ['[{"set": ["a", 1]}]', [], 'part 1: set.0: address must start with "/": "a"'],
    ['[{"set": ["/a/*", 1]}]', [], 'part 1: set.0: address must not contain "*": "/a/*"'],
    ['[{"set": [5, 1]}]', [], 'part 1: set.0: must be text, not 5'],
    ['[{"set": ["/a", 1, {}, 4]}]', [], 'part 1: set: must have at most 3 entries, not ["/a",1,{},4]'],
    ['[{"set": ["/a", 1, {"tll": 5}]}]', [], 'part 1: set.2.tll: unknown key "tll"; did you mean "ttl"?'],
    ['[{"gesture": ["/a", 1, "hold"]}]', [], 'part 1: gesture.2: must be start, move, end or cancel, not "hold"'],
    ['[{"gesture": ["/a", 1.5, "start"]}]', [], 'part 1: gesture.1: must be a whole number, not 1.5'],
    ['[{"timeline": ["/a", [{"value": 1}]]}]', [], 'part 1: timeline.1.0.time: is missing'],
    ['[]', ['--at', 'tomorrow'], '--at is microseconds since 1970, a date or +SECONDS, not "tomorrow"'],
  ])('refuses %j %j as wrong usage', async (text, words, reason) => {
    const { code, out, err } = await piped(text, ...words);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err[0]).toContain(`clasp-rx: ${reason}`);
  });

  it('fails for a file that is not there', async () => {
    expect(await runCommand(bundleCommand(relay.connect, EMPTY), ['/no/such.json'])).toEqual({
      code: 1,
      out: [],
      err: ['clasp-rx: there is no file /no/such.json'],
    });
  });
});
