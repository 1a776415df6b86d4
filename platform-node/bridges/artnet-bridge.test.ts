import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { platform } from 'node:os';
import type { Subscription } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import type { DatagramSocket } from '../../core/connection/datagram.ts';
import {
  type ArtNetPacket,
  decodeArtNet,
  encodeArtDmx,
  encodeArtPoll,
  encodeArtPollReply,
  encodeArtTimeCode,
} from '../../core/protocols/artnet/artnet.ts';
import { relayWithApp, startBridge } from '../../peers/watched-bridge.ts';
import { udpSocket } from '../udp.ts';
import { type ArtnetBridgeOptions, artnetBridge } from './artnet-bridge.ts';
import { artnetBridgeType } from './artnet-bridge-type.ts';

const open: Subscription[] = [];
afterEach(() => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
});
/** Whether this system lets a socket hold more than it does by itself. */
const roomy = platform() === 'linux' && Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8')) >= 212_992;
const patience = { timeout: 10_000, interval: 20 };

/** An Art-Net program on loopback. */
async function device() {
  const packets: ArtNetPacket[] = [];
  const socket = await new Promise<DatagramSocket>((resolve, reject) => {
    open.push(udpSocket({ listen: '127.0.0.1:0' }).subscribe({ next: resolve, error: reject }));
  });
  open.push(socket.incoming.subscribe(({ bytes }) => packets.push(decodeArtNet(bytes.slice()))));
  const shows = (universe: number) =>
    packets.flatMap((packet) => (packet.op === 'dmx' && packet.universe === universe ? [packet.levels] : []));
  const port = Number(socket.address.split(':')[1]);
  return {
    packets,
    shows,
    port,
    target: socket.address,
    send: (to: string, universe: number, ...levels: number[]) =>
      socket.send(encodeArtDmx({ universe, levels: Uint8Array.from(levels) }), to),
    sendBytes: (to: string, bytes: Uint8Array) => socket.send(bytes, to),
  };
}

const relay = () => relayWithApp(open);
/** A bridge on a free port of loopback. */
const bridge = (client: Client, options: ArtnetBridgeOptions) =>
  startBridge(artnetBridge(client, { listen: '127.0.0.1:0', ...options }), open);

describe('artnetBridge', () => {
  it('writes what comes in as params and sends what changes, with the state at the start', async () => {
    const { relay: running, app } = relay();
    await app.set('/artnet/1/5', 55);
    const node = await device();
    const { address } = await bridge(running.client('rig'), { targets: [node.target], universes: [0, 1] });
    await vi.waitFor(() => expect(node.shows(1).at(-1)?.[4]).toBe(55), patience);
    node.send(address, 0, 0, 255, 128);
    await vi.waitFor(async () => expect(await app.get('/artnet/0/3')).toBe(128), patience);
    expect(await app.get('/artnet/0/2')).toBe(255);
    expect(await app.get('/artnet/0/1')).toBeNull();
    app.set('/artnet/1/6', 7);
    await vi.waitFor(() => expect(node.shows(1).at(-1)?.[5]).toBe(7), patience);
    // It was this node that sent universe 0.
    expect(node.shows(0)).toEqual([]);
    app.set('/artnet/0/1', 9);
    await vi.waitFor(() => expect([...(node.shows(0).at(-1)?.slice(0, 3) ?? [])]).toEqual([9, 255, 128]), patience);
  });

  it.each([true, false])('writes a channel that is off now, though the relay has it on; send: %s', async (send) => {
    const { relay: running, app } = relay();
    await app.set('/artnet/0/2', 200);
    const node = await device();
    const { address } = await bridge(running.client('rig'), { targets: [node.target], send });
    if (send) await vi.waitFor(() => expect(node.shows(0).length).toBeGreaterThan(0), patience);
    node.send(address, 0, 1, 0, 3, 0);
    await vi.waitFor(async () => expect(await app.get('/artnet/0/2')).toBe(0), patience);
    expect(await app.get('/artnet/0/4')).toBeNull();
  });

  it('writes the other channels of a frame though the relay refuses one of them', async () => {
    const { relay: running, app } = relay();
    await app.set('/artnet/0/2', 1, { lock: true });
    const node = await device();
    const { address, failures } = await bridge(running.client('rig'), {});
    node.send(address, 0, 10, 20, 30, 0);
    await vi.waitFor(async () => expect(await app.get('/artnet/0/3')).toBe(30), patience);
    expect([await app.get('/artnet/0/1'), await app.get('/artnet/0/2')]).toEqual([10, 1]);
    await vi.waitFor(() => expect(failures().map(({ code }) => code)).toContain(401), patience);
  });

  it('gives frames as streams, and sends them, in universe mode', async () => {
    const { relay: running, app } = relay();
    const node = await device();
    const frames: number[][] = [];
    open.push(
      app.on('/rig/*', { types: ['stream'] }).subscribe((signal) => {
        if (signal.kind === 'stream') frames.push([...(signal.value as Uint8Array)]);
      }),
    );
    const options = { targets: [node.target], mode: 'universe', namespace: '/rig' } as const;
    const { address } = await bridge(running.client('rig'), options);
    node.send(address, 3, 1, 2, 3, 4);
    await vi.waitFor(() => expect(frames).toEqual([[1, 2, 3, 4]]), patience);
    app.stream('/rig/4', Uint8Array.of(9, 8));
    await vi.waitFor(() => expect([...(node.shows(4).at(-1)?.slice(0, 3) ?? [])]).toEqual([9, 8, 0]), patience);
  });

  it('finds nodes, sends each the universes it wants, and answers who looks for it', async () => {
    const { relay: running, app } = relay();
    const node = await device();
    const opened = await bridge(running.client('rig'), { targets: [node.target], port: node.port, universes: [7] });
    await vi.waitFor(() => expect(node.packets.map(({ op }) => op)).toContain('poll'), patience);
    const port = { input: false, output: true, inputUniverse: 0, outputUniverse: 7 };
    node.sendBytes(opened.address, encodeArtPollReply({ shortName: 'dimmer', ports: [port] }));
    await vi.waitFor(
      () =>
        expect(opened.events.at(-1)).toEqual({ type: 'devices', bridge: 'artnet', devices: ['dimmer (127.0.0.1)'] }),
      patience,
    );
    node.packets.length = 0;
    node.sendBytes(opened.address, encodeArtPoll());
    const ours = { shortName: 'artnet', ip: '127.0.0.1', ports: [{ output: true, input: true, outputUniverse: 7 }] };
    await vi.waitFor(() => expect(node.packets.find(({ op }) => op === 'poll-reply')).toMatchObject(ours), patience);
    app.set('/artnet/7/1', 1);
    await vi.waitFor(() => expect(node.shows(7).length).toBeGreaterThan(0), patience);
  });

  it.skipIf(!roomy)('reads all of 250 universes that come in one burst', async () => {
    const { relay: running, app } = relay();
    const desk = await device();
    const { address } = await bridge(running.client('rig'), { send: false });
    const full = Array.from({ length: 512 }, () => 9);
    for (let universe = 0; universe < 250; universe++) desk.send(address, universe, ...full);
    await vi.waitFor(async () => expect(await app.get('/artnet/249/512')).toBe(9), patience);
    const seen = new Set<string>();
    open.push(app.on('/artnet/*/1').subscribe((signal) => seen.add(signal.address)));
    await vi.waitFor(() => expect(seen.size).toBe(250), patience);
  });

  it('shows its targets, and where it sends to when it does not listen', async () => {
    const node = await device();
    const { relay: running } = relay();
    const both = await bridge(running.client('one'), { targets: [node.target] });
    expect(both.events[0]).toEqual({ type: 'ready', bridge: 'artnet', address: both.address, targets: [node.target] });
    expect(both.address).not.toBe(node.target);
    const out = await bridge(running.client('two'), { targets: [node.target, '127.0.0.9'], listen: false });
    expect(out.events[0]).toEqual({ type: 'ready', bridge: 'artnet', address: `${node.target}, 127.0.0.9:6454` });
    const everybody = await bridge(running.client('three'), { listen: false, interface: '127.0.0.1', port: 7 });
    expect(everybody.address).toBe('127.255.255.255:7');
  });

  it('gives the time of a show as a sample, sends it, and does not send back what came in', async () => {
    const { relay: running, app } = relay();
    const node = await device();
    const { address } = await bridge(running.client('rig'), { targets: [node.target], universes: [3] });
    const heard: unknown[] = [];
    open.push(
      app.on('/artnet/timecode', { types: ['stream'] }).subscribe((signal) => {
        if (signal.kind === 'stream') heard.push(signal.value);
      }),
    );
    node.sendBytes(address, encodeArtTimeCode({ hours: 1, minutes: 2, seconds: 3, frames: 4, rate: 25 }));
    await vi.waitFor(() => expect(heard).toEqual([[1, 2, 3, 4, 25]]), patience);
    app.set('/artnet/timecode', 3_661.5);
    const times = () => node.packets.flatMap((packet) => (packet.op === 'time-code' ? [packet.time] : []));
    const sent = { hours: 1, minutes: 1, seconds: 1, frames: 12, rate: 25 };
    await vi.waitFor(() => expect(times()).toEqual([sent]), patience);
  });

  it('makes a time code of a timeline, each frame once and one after the other', async () => {
    const { relay: running, app } = relay();
    const node = await device();
    await bridge(running.client('rig'), { targets: [node.target], universes: [3], timeCodeRate: 30 });
    app.timeline('/artnet/timecode', [
      { time: 0, value: 3_600 },
      { time: 500_000, value: 3_600.5 },
    ]);
    const times = () =>
      node.packets.flatMap((packet) =>
        packet.op === 'time-code' ? [packet.time.hours * 108_000 + packet.time.seconds * 30 + packet.time.frames] : [],
      );
    await vi.waitFor(() => expect(times().at(-1)).toBe(108_015), patience);
    expect(times()).toEqual([...new Set(times())].sort((a, b) => a - b));
  });

  it('has two channels as one value, both ways, and does not send it back', async () => {
    const { relay: running, app } = relay();
    const node = await device();
    const options = { targets: [node.target], universes: [0], normalize: true, pairs: [{ coarse: 1 }] };
    const { address } = await bridge(running.client('rig'), options);
    node.send(address, 0, 0x80, 0x01, 255, 0);
    await vi.waitFor(async () => expect(await app.get('/artnet/0/1')).toBeCloseTo(0x8001 / 65_535, 9), patience);
    expect([await app.get('/artnet/0/2'), await app.get('/artnet/0/3')]).toEqual([null, 1]);
    expect(node.shows(0)).toEqual([]);
    app.set('/artnet/0/1', 1 / 65_535);
    await vi.waitFor(() => expect([...(node.shows(0).at(-1)?.slice(0, 3) ?? [])]).toEqual([0, 1, 255]), patience);
  });

  it('tells of what does not get through, and goes on', async () => {
    const { relay: running, app } = relay();
    const node = await device();
    const { address, failures } = await bridge(running.client('rig'), { targets: [node.target] });
    node.sendBytes(address, new TextEncoder().encode('GET / HTTP/1.1'));
    app.set('/artnet/0/513', 1);
    await vi.waitFor(
      () =>
        expect(
          failures()
            .map(({ code }) => code)
            .sort(),
        ).toEqual([101, 402]),
      patience,
    );
    app.set('/artnet/0/512', 3);
    await vi.waitFor(() => expect(node.shows(0).at(-1)?.[511]).toBe(3), patience);
  });

  it.each<[ArtnetBridgeOptions, string]>([
    [{ universes: [32_768] }, 'universe 32768 is not from 0 to 32767'],
    [{ rate: 0 }, 'rate 0 is not above 0'],
    [{ targets: ['10.0.0.1:x'] }, '10.0.0.1:x'],
    [{ interface: 'nowhere0' }, 'nowhere0'],
    [{ pairs: [{ coarse: 512 }] }, 'channel 513 of a pair'],
  ])('errors for %o, and names it', async (options, reason) => {
    const { ended } = await bridge(relay().relay.client('rig'), options);
    expect(ended()).toMatchObject({ code: 402 });
    expect(String(ended())).toContain(reason);
  });

  it('says so when a target is itself, as on a machine where others use the same port', async () => {
    const { address, failures, close } = await bridge(relay().relay.client('one'), {});
    close();
    const again = await bridge(relay().relay.client('two'), { listen: address, targets: [address] });
    expect(failures()).toEqual([]);
    expect(again.failures()).toMatchObject([{ code: 402, value: address }]);
  });

  it('frees its port and stops sending when it is unsubscribed, and completes when its client is closed', async () => {
    const { relay: running, app } = relay();
    const node = await device();
    const client = running.client('one');
    const first = await bridge(client, { targets: [node.target] });
    app.set('/artnet/0/1', 1);
    await vi.waitFor(() => expect(node.shows(0).length).toBe(1), patience);
    client.close();
    await vi.waitFor(() => expect(first.ended()).toBe('complete'), patience);
    const again = await bridge(running.client('two'), { listen: first.address });
    expect(again.address).toBe(first.address);
  });
});

describe('the configuration of an Art-Net bridge', () => {
  const { schema } = artnetBridgeType;
  it('takes what the protocol’s page shows', () => {
    const entry = {
      name: 'rig',
      type: 'artnet',
      listen: 6454,
      targets: ['10.0.0.20'],
      universes: [0, 1],
      mode: 'channel',
    };
    expect(schema.parse(entry)).toEqual(entry);
    expect(schema.parse({ type: 'artnet' })).toEqual({ type: 'artnet' });
  });

  it.each([
    [{ universes: [32_768] }, 'universes.0'],
    [{ mode: 'both' }, 'mode'],
    [{ rate: 5_000 }, 'rate'],
    [{ targets: ['a b'] }, 'targets.0'],
    [{ univeses: [1] }, ''],
    [{ pairs: [{ coarse: 1 }, { coarse: 2 }] }, 'pairs'],
    [{ pairs: [{ coarse: 513 }] }, 'pairs.0.coarse'],
    [{ timeCodeRate: 50 }, 'timeCodeRate'],
  ])('refuses %o and names the key', (entry, path) => {
    const { error } = schema.safeParse({ type: 'artnet', ...entry });
    expect(error?.issues[0]?.path.join('.')).toBe(path);
  });

  it('opens a relay of this machine to nobody else, unless the entry says so', async () => {
    const { relay: running } = relay();
    const context = { name: 'rig', relayHost: 'localhost', scheduler: undefined as never, authenticate: undefined };
    const { asyncScheduler } = await import('rxjs');
    const opened = async (entry: object) => {
      const events: BridgeEvent[] = [];
      const config = schema.parse({ type: 'artnet', listen: 0, discover: false, ...entry });
      const joined = { ...context, scheduler: asyncScheduler, join: () => running.client('x') };
      const running_ = artnetBridgeType
        .open(running.client('rig'), config, joined)
        .subscribe((event) => events.push(event));
      await vi.waitFor(() => expect(events.length).toBeGreaterThan(0), patience);
      running_.unsubscribe();
      return events[0]?.type === 'ready' ? events[0].address.split(':')[0] : '';
    };
    expect(await opened({})).toBe('127.0.0.1');
    expect(await opened({ targets: ['127.0.0.1', 'localhost:9'] })).toBe('127.0.0.1');
    expect(await opened({ host: '0.0.0.0' })).toBe('0.0.0.0');
    expect(await opened({ targets: ['192.0.2.77'] })).toBe('0.0.0.0');
  });
});

describe('dmxnet', () => {
  it('receives what changes, and what it sends is written', async () => {
    const { dmxnet } = createRequire(import.meta.url)('dmxnet');
    const free = await device();
    for (const each of open.splice(0)) each.unsubscribe();
    const { relay: running, app } = relay();
    const { address } = await bridge(running.client('rig'), {
      targets: [`127.0.0.1:${free.port}`],
      universes: [0, 0x123],
    });
    const peer = new dmxnet({ listen: free.port, hosts: ['127.0.0.1'], log: { silent: true } });
    const receiver = peer.newReceiver({ net: 1, subnet: 2, universe: 3 });
    const received: number[][] = [];
    receiver.on('data', (levels: number[]) => received.push(levels));
    const sender = peer.newSender({ ip: '127.0.0.1', port: Number(address.split(':')[1]), universe: 0 });
    try {
      app.set('/artnet/291/2', 77);
      await vi.waitFor(() => expect(received.at(-1)?.slice(0, 3)).toEqual([0, 77, 0]), patience);
      sender.setChannel(4, 123);
      await vi.waitFor(async () => expect(await app.get('/artnet/0/5')).toBe(123), patience);
    } finally {
      sender.stop();
      peer.listener4.close();
      peer.socket.close();
    }
  });

  it('takes its own place when it is started again', async () => {
    const { dmxnet } = createRequire(import.meta.url)('dmxnet');
    const { relay: running, app } = relay();
    const { address } = await bridge(running.client('rig'), { merge: 'htp', timeout: 3_600_000, send: false });
    for (const level of [200, 10]) {
      const free = await device();
      open.pop()?.unsubscribe();
      open.pop()?.unsubscribe();
      const peer = new dmxnet({ listen: free.port, hosts: ['127.0.0.1'], log: { silent: true } });
      const sender = peer.newSender({ ip: '127.0.0.1', port: Number(address.split(':')[1]), universe: 0 });
      try {
        sender.setChannel(0, level);
        await vi.waitFor(async () => expect(await app.get('/artnet/0/1')).toBe(level), patience);
      } finally {
        sender.stop();
        peer.listener4.close();
        peer.socket.close();
      }
    }
  });
});
