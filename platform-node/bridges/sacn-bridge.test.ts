import { Socket } from 'node:dgram';
import { createRequire } from 'node:module';
import type { Subscription } from 'rxjs';
import { Receiver, Sender } from 'sacn';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import { relayWithApp, startBridge } from '../../peers/watched-bridge.ts';
import { udpSocket } from '../udp.ts';
import { type SacnBridgeOptions, sacnBridge } from './sacn-bridge.ts';
import { sacnBridgeType } from './sacn-bridge-type.ts';

const open: Subscription[] = [];
afterEach(() => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
});
const patience = { timeout: 10_000, interval: 20 };
const loopback = '127.0.0.1';

const relay = () => relayWithApp(open);
/** A bridge on loopback. */
const bridge = (client: Client, options: SacnBridgeOptions) =>
  startBridge(sacnBridge(client, { interface: loopback, ...options }), open);

/** A port that nobody uses, so that tests side by side do not hear each other. */
async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const bound = udpSocket({ listen: '127.0.0.1:0' }).subscribe({
      next: ({ address }) => {
        resolve(Number(address.split(':')[1]));
        queueMicrotask(() => bound.unsubscribe());
      },
      error: reject,
    });
  });
}

describe('sacnBridge', () => {
  it('shows each other’s state over multicast on loopback, and says when it leaves', async () => {
    const port = await freePort();
    const [here, there] = [relay(), relay()];
    await here.app.set('/sacn/3/1', 33);
    const first = await bridge(here.relay.client('one'), { universes: [3, 4], listen: port, port });
    const second = await bridge(there.relay.client('two'), {
      universes: [3, 4],
      listen: port,
      port,
      sourceName: 'two',
    });
    expect(first.events[0]).toEqual({ type: 'ready', bridge: 'sacn', address: `127.0.0.1:${port}` });
    await vi.waitFor(async () => expect(await there.app.get('/sacn/3/1')).toBe(33), patience);
    there.app.set('/sacn/4/512', 44);
    await vi.waitFor(async () => expect(await here.app.get('/sacn/4/512')).toBe(44), patience);
    await vi.waitFor(() => {
      const devices = first.events.flatMap((event) => (event.type === 'devices' ? [event.devices] : []));
      expect(devices.at(-1)).toEqual(['two (127.0.0.1)']);
    }, patience);
    second.close();
  });

  it('holds what is synchronised until its sync packet', async () => {
    const port = await freePort();
    const [here, there] = [relay(), relay()];
    await bridge(there.relay.client('two'), { universes: [3, 4], listen: port, port, sync: 9, send: false });
    await bridge(here.relay.client('one'), { universes: [3, 4], listen: false, port, sync: 9 });
    for (let level = 1; level <= 20; level++) {
      here.app.set('/sacn/3/1', level);
      here.app.set('/sacn/4/1', level);
      await vi.waitFor(async () => expect(await there.app.get('/sacn/4/1')).toBe(level), patience);
      expect(await there.app.get('/sacn/3/1')).toBe(level);
    }
  });

  it('joins as many universes as it is given, and hears every one of them', async () => {
    const port = await freePort();
    const universes = Array.from({ length: 50 }, (_, i) => 100 + i);
    const [here, there] = [relay(), relay()];
    await bridge(there.relay.client('two'), { universes, listen: port, port, send: false });
    await bridge(here.relay.client('one'), { universes, listen: false, port });
    for (const universe of universes) here.app.set(`/sacn/${universe}/1`, universe);
    await vi.waitFor(async () => {
      const levels = await Promise.all(universes.map((universe) => there.app.get(`/sacn/${universe}/1`)));
      expect(levels).toEqual(universes.map((universe) => Math.min(255, universe)));
    }, patience);
  });

  it.each<[string, SacnBridgeOptions]>([
    ['bound to one address', { host: loopback }],
    ['told so', { multicast: false }],
  ])('joins no group where it is %s, and hears what is sent to it alone', async (_how, options) => {
    const [port, other] = [await freePort(), await freePort()];
    const [here, there] = [relay(), relay()];
    const joined = vi.spyOn(Socket.prototype, 'addMembership');
    try {
      await bridge(there.relay.client('two'), { universes: [5], listen: port, port: other, ...options });
      expect(joined).not.toHaveBeenCalled();
    } finally {
      joined.mockRestore();
    }
    const out = await bridge(here.relay.client('one'), {
      universes: [5],
      listen: false,
      targets: [`${loopback}:${port}`],
    });
    expect(out.events[0]).toEqual({ type: 'ready', bridge: 'sacn', address: `${loopback}:${port}` });
    here.app.set('/sacn/5/1', 55);
    await vi.waitFor(async () => expect(await there.app.get('/sacn/5/1')).toBe(55), patience);
  });

  it('leaves the channels that nobody has written to others, where it sends priorities of channels', async () => {
    const port = await freePort();
    const [low, high, there] = [relay(), relay(), relay()];
    await bridge(there.relay.client('two'), { universes: [6], listen: port, port, send: false });
    await bridge(low.relay.client('one'), { universes: [6], listen: false, port, priority: 100 });
    low.app.set('/sacn/6/1', 11);
    low.app.set('/sacn/6/2', 12);
    await vi.waitFor(async () => expect(await there.app.get('/sacn/6/2')).toBe(12), patience);
    await bridge(high.relay.client('one'), {
      universes: [6],
      listen: false,
      port,
      priority: 150,
      channelPriorities: true,
    });
    high.app.set('/sacn/6/2', 3);
    await vi.waitFor(async () => expect(await there.app.get('/sacn/6/2')).toBe(3), patience);
    expect(await there.app.get('/sacn/6/1')).toBe(11);
  });

  it.each<[SacnBridgeOptions, string]>([
    [{ universes: [0] }, 'universe 0 is not from 1 to 63999'],
    [{ universes: [64_000] }, 'universe 64000'],
    [{ priority: 201 }, 'priority 201'],
    [{ cid: 'me' }, 'cid "me" is not a UUID'],
    [{ pairs: [{ coarse: 1, fine: 1 }] }, 'channel 1 of a pair'],
    [{ targets: ['a:b:c'] }, 'a:b:c'],
    [{ interface: '203.0.113.9' }, '203.0.113.9'],
  ])('errors for %o, and names it', async (options, reason) => {
    const { ended } = await bridge(relay().relay.client('wash'), { listen: 0, ...options });
    expect(ended()).toMatchObject({ code: 402 });
    expect(String(ended())).toContain(reason);
  });
});

describe('the configuration of an sACN bridge', () => {
  it('takes what the protocol’s page shows, and refuses what is out of range by its key', () => {
    const { schema } = sacnBridgeType;
    const entry = { name: 'wash', type: 'sacn', universes: [1], priority: 100, interface: 'eth0' };
    expect(schema.parse(entry)).toEqual(entry);
    const wrong = [{ universes: [0] }, { universes: [64_000] }, { priority: -1 }, { sync: 64_000 }, { cid: 'x' }];
    const paths = wrong.map((some) => schema.safeParse({ type: 'sacn', ...some }).error?.issues[0]?.path.join('.'));
    expect(paths).toEqual(['universes.0', 'universes.0', 'priority', 'sync', 'cid']);
  });
});

describe('the sacn package', () => {
  it('receives what changes, and what it sends is written', async () => {
    const port = await freePort();
    const universe = 500 + (port % 1_000);
    const { relay: running, app } = relay();
    await bridge(running.client('wash'), { universes: [universe, universe + 1], listen: port, port });
    const received: number[][] = [];
    const receiver = new Receiver({ universes: [universe], port, iface: loopback, reuseAddr: true });
    receiver.on('packet', (packet) => received.push([...(packet.payloadAsBuffer ?? []).slice(0, 3)]));
    const sender = new Sender({
      universe: universe + 1,
      port,
      iface: loopback,
      reuseAddr: true,
      defaultPacketOptions: { useRawDmxValues: true, sourceName: 'sacn' },
    });
    try {
      app.set(`/sacn/${universe}/2`, 77);
      await vi.waitFor(() => expect(received.at(-1)).toEqual([0, 77, 0]), patience);
      await vi.waitFor(async () => {
        await sender.send({ payload: { 5: 200 } });
        expect(await app.get(`/sacn/${universe + 1}/5`)).toBe(200);
      }, patience);
    } finally {
      sender.close();
      await new Promise<void>((closed) => receiver.close(() => closed()));
    }
  });
});

describe('the e131 package', () => {
  it('writes through the bridge what it sends', async () => {
    const e131 = createRequire(import.meta.url)('e131');
    const port = await freePort();
    const { relay: running, app } = relay();
    await bridge(running.client('wash'), { universes: [21], listen: port, port });
    const client = new e131.Client(loopback, port);
    const packet = client.createPacket(4);
    packet.setSourceName('e131');
    packet.setUniverse(21);
    packet.getSlotsData().set([0, 0, 99, 0]);
    try {
      client.send(packet);
      await vi.waitFor(async () => expect(await app.get('/sacn/21/3')).toBe(99), patience);
    } finally {
      client._socket.close();
    }
  });
});
