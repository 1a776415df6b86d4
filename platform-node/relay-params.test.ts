import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, Subject } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Client } from '../core/client/client.ts';
import { createClient } from '../operators/client/client.ts';
import { runCommand } from '../peers/run-command.ts';
import { relayCommand } from './cli/relay.ts';
import type { RelayConfig } from './config/relay-config.ts';
import { createRelay, type Relay } from './relay.ts';
import { webSocketDial } from './web-socket/web-socket-dial.ts';

/** What a configuration file says of params; with what only code can say below. */
const RULES: Pick<RelayConfig, 'params' | 'maxParams' | 'onFull'> = {
  params: [
    { pattern: '/bids/**', strategy: 'max', range: [0, 1000] },
    { pattern: '/desk/*', strategy: 'lock' },
    { pattern: '/scene/*', strategy: 'merge' },
    { pattern: '/presence/*', ttl: { seconds: 3, mode: 'absolute' } },
  ],
  maxParams: 4,
  onFull: 'reject',
};
const eventually = { timeout: 20_000, interval: 20 };

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const dial = (port: number, name: string): Client => {
  const client = createClient(webSocketDial(`ws://127.0.0.1:${port}`), { name, reconnect: false });
  undo.push(() => client.close());
  return client;
};

/** Checks over WebSocket that a relay keeps to {@link RULES}. */
async function expectRules(port: number): Promise<void> {
  const [ann, ben] = [dial(port, 'ann'), dial(port, 'ben')];
  const presence: unknown[] = [];
  ben.on('/presence/*').subscribe((signal) => signal.kind === 'param' && presence.push(signal.value));

  await ann.set('/bids/1', 500);
  await expect(ben.set('/bids/1', 499)).rejects.toMatchObject({ code: 400, address: '/bids/1' });
  await expect(ben.set('/bids/1', 1001)).rejects.toMatchObject({
    code: 402,
    reason: '/bids/1 must be 0 to 1000, not 1001',
  });
  expect((await ben.set('/bids/1', 501)).revision).toBe(2);

  await ann.set('/desk/1', 1);
  await expect(ben.set('/desk/1', 2)).rejects.toMatchObject({ code: 401, reason: expect.stringContaining('by ann') });

  await ann.set('/scene/1', { lamp: { level: 1, pan: 2 } });
  await ben.set('/scene/1', { lamp: { pan: 3 }, sound: true });
  expect(await ann.get('/scene/1')).toEqual({ lamp: { level: 1, pan: 3 }, sound: true });

  await ann.set('/presence/ann', true);
  await expect(ben.set('/presence/ben', true)).rejects.toMatchObject({ code: 503, address: '/presence/ben' });
  expect((await ben.set('/presence/ann', 'still')).revision).toBe(2);
  await vi.waitFor(() => expect(presence).toEqual([true, 'still', null]), eventually);
  // What has expired has made room.
  expect((await ben.set('/presence/ben', true)).revision).toBe(1);
}

describe('rules for params', () => {
  it('hold for clients of createRelay', async () => {
    const relay = createRelay({ port: 0, ...RULES });
    undo.push(() => relay.close());
    await expectRules((await relay.ready).port);
  });

  it('hold for clients of clasp-rx relay --config FILE', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clasp-params-'));
    undo.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'clasp.config.json');
    await writeFile(file, JSON.stringify({ port: 0, ...RULES }));

    const started = new Subject<Relay>();
    const first = firstValueFrom(started);
    const command = relayCommand({
      start: (config) => {
        const relay = createRelay(config);
        started.next(relay);
        return relay;
      },
    });
    let press: (() => void) | undefined;
    const ended = runCommand(command, ['--config', file], (_line, stop) => {
      press = stop;
    });
    const { port } = await (await first).ready;
    await expectRules(port);
    press?.();
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('that a program adds may merge by a function, which gets numbers for integers', async () => {
    const sum = (current: unknown, written: unknown) => Number(current) + Number(written);
    const relay = createRelay({ port: 0, params: [{ pattern: '/sum', merge: sum }] });
    undo.push(() => relay.close());
    const ann = dial((await relay.ready).port, 'ann');
    await ann.set('/sum', 4n);
    await ann.set('/sum', 5n);
    expect(await ann.get('/sum')).toBe(9);
  });

  it('push out the param that was used least recently, unless they say otherwise', async () => {
    const relay = createRelay({ port: 0, maxParams: 2 });
    undo.push(() => relay.close());
    const ann = dial((await relay.ready).port, 'ann');
    const gone: string[] = [];
    ann.on('/**').subscribe((signal) => signal.kind === 'param' && signal.value === null && gone.push(signal.address));
    for (const address of ['/a', '/b', '/a', '/c']) await ann.set(address, 1);
    await vi.waitFor(() => expect(gone).toEqual(['/b']), eventually);
    expect(relay.stats().params).toBe(2);
  });
});
