import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Subscription } from 'rxjs';
import { SerialPort } from 'serialport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import { type EnttecMessage, EnttecParser, encodeEnttec } from '../../core/protocols/dmx/enttec.ts';
import { installed } from '../../peers/installed.ts';
import { relayWithApp, watchBridge } from '../../peers/watched-bridge.ts';
import { type BridgeRig, bridgeContract } from '../../testing/bridge-contract.ts';
import { type DmxBridgeOptions, dmxBridge } from './dmx-bridge.ts';
import { dmxBridgeType } from './dmx-bridge-type.ts';

const patience = { timeout: 15_000, interval: 20 };
const open: Subscription[] = [];
const cables: Cable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
  for (const each of cables.splice(0)) await each.close();
});

/** Two pseudo terminals, joined by socat. */
class Cable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'dmx-'));
  readonly path: string = join(this.#folder, 'here');
  readonly far: string = join(this.#folder, 'there');
  #socat: ChildProcess | undefined;

  async plug(): Promise<void> {
    const end = (path: string) => `pty,raw,echo=0,link=${path}`;
    this.#socat = spawn('socat', [end(this.path), end(this.far)], { stdio: 'ignore' });
    await vi.waitFor(() => expect([existsSync(this.path), existsSync(this.far)]).toEqual([true, true]), patience);
  }

  async unplug(): Promise<void> {
    const socat = this.#socat;
    if (!socat) return;
    this.#socat = undefined;
    const gone = new Promise((resolve) => socat.once('exit', resolve));
    socat.kill('SIGTERM');
    await gone;
  }

  async close(): Promise<void> {
    await this.unplug();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function cable(): Promise<Cable> {
  const made = new Cable();
  cables.push(made);
  await made.plug();
  return made;
}

/** A scripted ENTTEC DMX USB Pro at the far end of a cable. */
async function widget(path: string) {
  const port = new SerialPort({ path, baudRate: 57_600, autoOpen: false });
  await new Promise<void>((resolve, reject) => port.open((reason) => (reason ? reject(reason) : resolve())));
  const messages: EnttecMessage[] = [];
  const parser = new EnttecParser();
  port.on('error', () => undefined);
  port.on('data', (bytes: Buffer) =>
    parser.push(bytes, (message) => {
      messages.push(message);
      if (message.label === 10) port.write(encodeEnttec(10, Uint8Array.of(0x78, 0x56, 0x34, 0x12)));
    }),
  );
  const frames = () => messages.filter(({ label }) => label === 6).map(({ data }) => data.slice(1));
  return {
    messages,
    frames,
    parser,
    send: (label: number, ...data: number[]) => port.write(encodeEnttec(label, Uint8Array.from(data))),
    sendBytes: (...bytes: number[]) => port.write(Uint8Array.from(bytes)),
    close: () => new Promise<void>((resolve) => (port.isOpen ? port.close(() => resolve()) : resolve())),
  };
}

const relay = () => relayWithApp(open);

function bridge(client: Client, options: DmxBridgeOptions) {
  const watched = watchBridge(dmxBridge(client, { reconnect: { initial: 50, max: 100 }, ...options }), open);
  return { ...watched, types: () => watched.events.map(({ type }) => type) };
}

describe.skipIf(!installed('socat'))('dmxBridge with an ENTTEC DMX USB Pro', () => {
  it('sends the state, then what changes, as frames of 512 channels, and says which widget it is', async () => {
    const line = await cable();
    const pro = await widget(line.far);
    const { relay: running, app } = relay();
    await app.set('/dmx/1', 11);
    const { events } = bridge(running.client('dimmers'), { port: line.path });
    await vi.waitFor(() => expect(pro.frames().at(-1)?.[0]).toBe(11), patience);
    app.set('/dmx/512', 300);
    app.set('/dmx/2', 99.6);
    await vi.waitFor(() => expect(pro.frames().at(-1)?.[511]).toBe(255), patience);
    expect([...(pro.frames().at(-1)?.slice(0, 3) ?? [])]).toEqual([11, 100, 0]);
    expect([pro.frames()[0]?.length, pro.parser.skipped]).toEqual([512, 0]);
    const devices = { type: 'devices', bridge: 'dmx', devices: ['ENTTEC DMX USB Pro 12345678'] };
    await vi.waitFor(() => expect(events).toContainEqual(devices), patience);
    expect(events[0]).toEqual({ type: 'ready', bridge: 'dmx', address: line.path });
    await pro.close();
  });

  it('sets how often the widget repeats only where asked to', async () => {
    const line = await cable();
    const pro = await widget(line.far);
    bridge(relay().relay.client('dimmers'), { port: line.path, rate: 25 });
    await vi.waitFor(
      () => expect(pro.messages.find(({ label }) => label === 4)?.data).toEqual(Uint8Array.of(0, 0, 9, 1, 25)),
      patience,
    );
    await pro.close();
  });

  it('writes what the widget receives, whole frames and changes, rubbish in between or not', async () => {
    const line = await cable();
    const pro = await widget(line.far);
    const { relay: running, app } = relay();
    const { events } = bridge(running.client('desk'), { port: line.path, direction: 'in', changesOnly: true });
    await vi.waitFor(
      () => expect(pro.messages.find(({ label }) => label === 8)?.data).toEqual(Uint8Array.of(1)),
      patience,
    );
    pro.send(5, 0, 0, 10, 0, 30);
    await vi.waitFor(async () => expect(await app.get('/dmx/3')).toBe(30), patience);
    pro.sendBytes(1, 2, 0x7e, 3);
    pro.send(9, 0, 0b10, 0, 0, 0, 0, 77);
    pro.send(9, 0, 0b10, 0);
    pro.send(5, 0, 0, 5, 6, 7);
    await vi.waitFor(async () => expect(await app.get('/dmx/3')).toBe(7), patience);
    expect([await app.get('/dmx/1'), await app.get('/dmx/2')]).toEqual([5, 6]);
    await vi.waitFor(() => expect(events.find(({ type }) => type === 'failure')).toBeDefined(), patience);
    expect(pro.frames()).toEqual([]);
    await pro.close();
  });

  it('tries again when the device is pulled out, and gives it the state when it returns', async () => {
    const line = await cable();
    const pro = await widget(line.far);
    const { relay: running, app } = relay();
    const { events, types, ended } = bridge(running.client('dimmers'), { port: line.path });
    app.set('/dmx/1', 1);
    await vi.waitFor(() => expect(pro.frames().at(-1)?.[0]).toBe(1), patience);
    await pro.close();
    await line.unplug();
    await vi.waitFor(() => expect(types()).toContain('retrying'), patience);
    const retrying = events.find(({ type }) => type === 'retrying');
    expect(retrying).toMatchObject({ reason: { code: 500, value: line.path } });
    await app.set('/dmx/1', 2);
    await line.plug();
    const again = await widget(line.far);
    await vi.waitFor(() => expect(again.frames().at(-1)?.[0]).toBe(2), patience);
    expect(types().filter((type) => type === 'ready').length).toBeGreaterThanOrEqual(2);
    expect(ended()).toBeUndefined();
    await again.close();
  });

  it('waits for a device that was never there, and for one that says nothing', async () => {
    const missing = bridge(relay().relay.client('a'), { port: '/dev/no-such-port' });
    await vi.waitFor(
      () => expect(missing.types().filter((type) => type === 'retrying').length).toBeGreaterThan(1),
      patience,
    );
    expect(missing.events[0]).toMatchObject({ reason: { code: 500 } });
    expect(String((missing.events[0] as { reason?: Error }).reason)).toContain('/dev/no-such-port');
  });

  it('tells of channel 513, and completes when its client is closed', async () => {
    const line = await cable();
    const pro = await widget(line.far);
    const { relay: running, app } = relay();
    const client = running.client('dimmers');
    const { events, ended } = bridge(client, { port: line.path });
    app.set('/dmx/513', 1);
    await vi.waitFor(
      () => expect(events.find(({ type }) => type === 'failure')).toMatchObject({ failure: { code: 402 } }),
      patience,
    );
    client.close();
    await vi.waitFor(() => expect(ended()).toBe('complete'), patience);
    await pro.close();
  });
});

describe.skipIf(!installed('socat'))('dmxBridge with a bare line', () => {
  it('sends frames all the time, and says once that this port makes no break', async () => {
    const line = await cable();
    const far = new SerialPort({ path: line.far, baudRate: 250_000 });
    let received: number[] = [];
    far.on('data', (bytes: Buffer) => received.push(...bytes));
    const { relay: running, app } = relay();
    const { events } = bridge(running.client('dimmers'), { port: line.path, driver: 'open-dmx' });
    app.set('/dmx/1', 200);
    await vi.waitFor(() => expect(received.length).toBeGreaterThan(3 * 513), patience);
    expect([received[0], received[1], received[2], received[513], received[514]]).toEqual([0, 200, 0, 0, 200]);
    received = [];
    await vi.waitFor(() => expect(received.length).toBeGreaterThan(513), patience);
    const failures = events.filter(({ type }) => type === 'failure');
    expect(failures).toMatchObject([{ failure: { code: 501 } }]);
    await new Promise<void>((resolve) => far.close(() => resolve()));
  });

  it('cannot receive', () => {
    const { ended } = bridge(relay().relay.client('x'), { port: '/dev/null', driver: 'open-dmx', direction: 'in' });
    expect(ended()).toMatchObject({ code: 402 });
  });
});

describe('the configuration of a DMX bridge', () => {
  it('takes what the protocol’s page shows, and refuses what is wrong by its key', () => {
    const { schema } = dmxBridgeType;
    const entry = { name: 'dimmers', type: 'dmx', port: '/dev/ttyUSB0', driver: 'enttec-pro' };
    expect(schema.parse(entry)).toEqual(entry);
    const wrong = [{ port: '' }, { driver: 'pro' }, { rate: 100 }, { direction: 'both' }];
    const paths = wrong.map((some) => schema.safeParse({ ...entry, ...some }).error?.issues[0]?.path.join('.'));
    expect(paths).toEqual(['port', 'driver', 'rate', 'direction']);
  });
});

/** A widget at the end of a cable that can be pulled out. */
async function pluggable(client: Client, direction: 'in' | 'out'): Promise<BridgeRig> {
  const line = await cable();
  let pro = await widget(line.far);
  const effects: string[] = [];
  const levels: number[] = Array.from({ length: 12 }, () => 0);
  let shown: readonly number[] = [];
  const look = () => {
    for (const frame of pro.frames().splice(seen)) {
      seen++;
      for (const [i, level] of frame.entries()) if (level !== (shown[i] ?? 0)) effects.push(`${i + 1} ${level}`);
      shown = [...frame];
    }
    return effects;
  };
  let seen = 0;
  return {
    bridge: dmxBridge(client, { port: line.path, direction, reconnect: { initial: 20, max: 50 } }),
    namespace: '/dmx',
    say(n) {
      levels[n] = n + 1;
      pro.send(5, 0, 0, ...levels);
      return { kind: 'param', address: `/dmx/${n + 1}`, value: n + 1 };
    },
    carried: (n) => ({
      signal: { kind: 'param', address: `/dmx/${n + 21}`, value: n + 10 },
      effect: `${n + 21} ${n + 10}`,
    }),
    effects: look,
    refused: { kind: 'param', address: '/dmx/513', value: 1 },
    babble: () => void pro.send(9, 0, 1),
    lose: async () => {
      look();
      await pro.close();
      await line.unplug();
    },
    restore: async () => {
      await line.plug();
      pro = await widget(line.far);
      seen = 0;
      shown = [];
    },
    close: () => pro.close(),
  };
}
const runner = { describe: describe.skipIf(!installed('socat')), it, settle: 150, reflects: false };
const out = { ...runner, listens: false, babbles: false };
bridgeContract('dmxBridge that sends', (client) => pluggable(client, 'out'), out);
bridgeContract('dmxBridge that receives', (client) => pluggable(client, 'in'), { ...runner, sends: false });
