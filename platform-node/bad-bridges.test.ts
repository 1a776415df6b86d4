import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Client } from '../core/client/client.ts';
import { encodeArtDmx } from '../core/protocols/artnet/artnet.ts';
import { encodeOsc } from '../core/protocols/osc/osc-encode.ts';
import { createClient } from '../operators/client/client.ts';
import { freePort } from '../peers/free-port.ts';
import { installed } from '../peers/installed.ts';
import { type Mosquitto, mosquitto } from '../peers/mosquitto.ts';
import type { RelayConfig } from './config/relay-config.ts';
import { createRelay, type Relay, type RelayAddresses } from './relay.ts';
import type { RelayEvent } from './relay-event.ts';
import { webSocketDial } from './web-socket/web-socket-dial.ts';

// Many bridges in one relay. Each is given what it cannot take: it says which field and value, and a bystander, OSC in
// to a WebSocket client, notices nothing.

const eventually = { timeout: 20_000, interval: 20 };
const hasBroker = installed('mosquitto') !== undefined;
const hasCable = installed('socat') !== undefined;
const undo: (() => unknown)[] = [];
let relay: Relay;
let config: RelayConfig;
let addresses: RelayAddresses;
let broker: Mosquitto | undefined;
let app: Client;
let calm: Client;
const heard: unknown[] = [];
const events: RelayEvent[] = [];
const udp = createSocket('udp4');

/** Two pseudo terminals, joined by socat, which a bridge takes for a serial port. */
const folder = mkdtempSync(join(tmpdir(), 'clasp-rx-bad-'));
const serial = join(folder, 'here');
let cable: ChildProcess | undefined;
async function plug(): Promise<void> {
  const end = (path: string) => `pty,raw,echo=0,link=${path}`;
  cable = spawn('socat', [end(serial), end(join(folder, 'there'))], { stdio: 'ignore' });
  await vi.waitFor(() => expect(existsSync(serial)).toBe(true), eventually);
}
async function unplug(): Promise<void> {
  if (!cable) return;
  const gone = once(cable, 'exit');
  cable.kill('SIGTERM');
  cable = undefined;
  await gone;
}

const portOf = (name: string): number =>
  Number(/:(\d+)\D*$/.exec(addresses.bridges.find((bridge) => bridge.name === name)?.address ?? '')?.[1]);
const send = (name: string, packet: Uint8Array) => udp.send(packet, portOf(name), '127.0.0.1');

/** What a bridge has complained of since the test began, as `code reason`. */
const complaints = (name: string): string[] =>
  events.flatMap((event) =>
    event.type === 'bridge-failure' && event.bridge === name ? [`${event.failure.code} ${event.failure.reason}`] : [],
  );
const complains = (name: string, of: RegExp): Promise<void> =>
  vi.waitFor(() => expect(complaints(name)).toContainEqual(expect.stringMatching(of)), eventually);
const told = (type: RelayEvent['type'], bridge: string): Promise<void> =>
  vi.waitFor(() => expect(events).toContainEqual(expect.objectContaining({ type, bridge })), eventually);

beforeAll(async () => {
  if (hasBroker) broker = await mosquitto();
  if (hasCable) await plug();
  const nobody = `127.0.0.1:${await freePort()}`;
  config = {
    port: 0,
    bridges: [
      { name: 'calm', type: 'osc', listen: '127.0.0.1:0', namespace: '/calm' },
      { name: 'osc', type: 'osc', listen: '127.0.0.1:0' },
      { name: 'rig', type: 'artnet', listen: '127.0.0.1:0', targets: [nobody], discover: false },
      { name: 'wash', type: 'sacn', listen: '127.0.0.1:0', targets: [nobody], universes: [1, 63_999] },
      { name: 'clients', type: 'mqtt-server', port: 0 },
      { name: 'rest', type: 'http', port: 0 },
      { name: 'json', type: 'websocket-json', port: 0 },
      ...(broker
        ? [{ name: 'broker', type: 'mqtt', url: `mqtt://127.0.0.1:${broker.port}`, namespace: '/b' } as const]
        : []),
      ...(hasCable ? [{ name: 'dimmers', type: 'dmx', port: serial } as const] : []),
    ],
  };
  relay = createRelay(config);
  relay.events.subscribe((event) => events.push(event));
  addresses = await relay.ready;
  app = relay.client('app');
  calm = createClient(webSocketDial(`ws://127.0.0.1:${addresses.port}`), { name: 'calm', reconnect: false });
  calm.on('/calm/**').subscribe((signal) => signal.kind === 'param' && heard.push(signal.value));
  await vi.waitFor(() => expect(relay.stats().sessions).toBeGreaterThan(0), eventually);
}, 60_000);

let pulse = 0;
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  // Nobody else noticed.
  pulse++;
  await vi.waitFor(() => {
    send('calm', encodeOsc({ address: '/pulse', args: [{ type: 'i', value: pulse }] }));
    expect(heard.at(-1)).toBe(pulse);
  }, eventually);
  expect(events.filter(({ type }) => type === 'bridge-ended')).toEqual([]);
  expect(complaints('calm')).toEqual([]);
  expect(calm.session).not.toBeNull();
  events.length = 0;
});

afterAll(async () => {
  calm?.close();
  await relay?.close();
  await broker?.close();
  await unplug();
  udp.close();
  rmSync(folder, { recursive: true, force: true });
});

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('a bridge that is given what it cannot take', () => {
  it.each([
    ['a packet that is no OSC', bytes('garbage!')],
    ['an address without terminator', bytes('/abc')],
    ['a text argument without terminator', bytes('/a\0\0,s\0\0text')],
    ['a blob that is longer than its packet', bytes('/a\0\0,b\0\0\x7f\xff\xff\xffxxxx')],
    ['a bundle that ends within an element', bytes('#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\x20/a\0\0')],
  ])('OSC: %s', async (_, packet) => {
    send('osc', packet);
    await complains('osc', /^101 .+byte \d+/);
  });

  it('Art-Net: packets that are cut off anywhere, and a length that lies', async () => {
    const whole = encodeArtDmx({ universe: 1, levels: new Uint8Array(512).fill(7) });
    for (let length = 8; length < 19; length++) send('rig', whole.slice(0, length));
    await complains('rig', /^101 .+byte \d+/);
    const lying = Uint8Array.from(whole);
    lying[16] = 255;
    send('rig', lying);
    await complains('rig', /^101 .+/);
  });

  it('sACN: packets that are cut off, and a flood of garbage', async () => {
    const head = bytes('\0\x10\0\0ASC-E1.17\0\0\0');
    for (const packet of [
      head,
      Buffer.concat([head, Buffer.alloc(30, 0x72)]),
      Buffer.concat([head, Buffer.alloc(600)]),
    ]) {
      send('wash', packet);
    }
    await complains('wash', /^101 .+/);
  });

  it.each([
    ['bytes that are no MQTT', bytes('GET / HTTP/1.1\r\n\r\n')],
    ['a topic with wildcards', bytes('\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x\x30\x06\0\x03a/+1')],
    ['a length that goes on for ever', bytes('\x10\xff\xff\xff\xff\xff\xff')],
    ['a text that is longer than its packet', bytes('\x10\x0d\0\x04MQTT\x04\x02\0\x3c\x7f\xffx')],
  ])('MQTT server: %s', async (_, packet) => {
    const socket = connect(portOf('clients'), '127.0.0.1');
    undo.push(() => socket.destroy());
    socket.on('error', () => undefined).resume();
    socket.write(packet);
    await once(socket, 'close');
    await complains('clients', /^101 .+/);
  });

  it('channels and universes that do not exist are named, and those beside them go out', async () => {
    const beyond: [bridge: string, address: string, words: RegExp][] = [
      ['rig', '/artnet/32768/1', /^402 .*universe.*32768/],
      ['rig', '/artnet/0/513', /^402 .*channel.*513/],
      ['wash', '/sacn/1/0', /^402 .*channel.*\b0\b/],
      ['wash', '/sacn/63999/513', /^402 .*channel.*513/],
      ['rig', '/artnet/0/x', /^200 .*\/artnet\/0\/x/],
    ];
    for (const [bridge, address, words] of beyond) {
      await app.set(address, 1);
      await complains(bridge, words);
    }
    await app.set('/sacn/63999/512', 255);
    await app.set('/sacn/1/1', 'bright');
    await complains('wash', /^402 .*bright/);
    for (const [, address] of beyond) await app.set(address, null);
  });

  it.skipIf(!hasBroker)('MQTT: an address that is no topic, because it holds wildcards', async () => {
    await app.set('/b/a+b/#', 1);
    await complains('broker', /^200 .*a\+b\/#/);
    await app.set('/b/a+b/#', null);
  });

  it.each([true, false])('HTTP: a body of 100 MB is refused early, and not kept (announced: %s)', async (announced) => {
    const size = 100_000_000;
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let written = 0;
    const asked = request({
      port: portOf('rest'),
      host: '127.0.0.1',
      path: '/v1/state/a',
      method: 'PUT',
      headers: announced ? { 'content-length': size } : { 'transfer-encoding': 'chunked' },
    });
    undo.push(() => asked.destroy());
    let response: IncomingMessage | undefined;
    let isCut = false;
    asked.on('response', (answer) => {
      response = answer;
    });
    asked.on('error', () => {
      isCut = true;
    });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    while (!response && !isCut && written < size) {
      asked.write(chunk);
      written += chunk.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      await new Promise((turn) => setTimeout(turn));
    }
    await vi.waitFor(() => expect(response).toBeDefined(), eventually);
    let text = '';
    for await (const part of response ?? []) text += String(part);
    expect([response?.statusCode, JSON.parse(text)]).toEqual([
      413,
      { error: { code: 101, message: 'the body is longer than 1114112 bytes' } },
    ]);
    expect(written).toBeLessThan(size);
    expect(most).toBeLessThan(30_000_000);
    expect(await app.get('/a')).toBeNull();
  });

  it('JSON over WebSocket: no JSON, an address that is none, and a message of 2 MB', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${portOf('json')}`);
    undo.push(() => socket.terminate());
    const answers: { code: number; message: string }[] = [];
    socket.on('message', (data) => answers.push(JSON.parse(String(data)))).on('error', () => undefined);
    await once(socket, 'open');
    socket.send('{"type":"set"');
    socket.send('{"type":"set","address":"/a//b","value":1,"id":1}');
    await vi.waitFor(() => expect(answers).toHaveLength(2), eventually);
    expect(answers).toMatchObject([{ code: 101 }, { code: 200, message: expect.stringContaining('/a//b') }]);
    socket.send('x'.repeat(2_000_000));
    expect((await once(socket, 'close'))[0]).toBe(1009);
  });

  it.skipIf(!hasBroker)('MQTT: a broker that vanishes, and comes back', async () => {
    await broker?.kill();
    await told('bridge-retrying', 'broker');
    await vi.waitFor(
      async () => expect(await app.get('/clasp/bridges/broker/status')).toMatchObject({ state: 'retrying' }),
      eventually,
    );
    await broker?.start();
    await told('bridge-ready', 'broker');
  });

  it.skipIf(!hasCable)('DMX: channel 513, and a serial port that is pulled out and put back', async () => {
    await app.set('/dmx/513', 1);
    await complains('dimmers', /^402 .*513/);
    await app.set('/dmx/513', null);
    await unplug();
    await told('bridge-retrying', 'dimmers');
    await plug();
    await told('bridge-ready', 'dimmers');
  });

  it('a configuration with a typo is refused with its field and value, and changes nothing', async () => {
    const bad = [
      [{ ...config, bridges: [{ type: 'sacn', universes: [64_000] }] }, /universes\.0 .*not 64000/],
      [{ ...config, bridges: [{ type: 'sacn', universes: [0] }] }, /universes\.0 .*not 0/],
      [{ ...config, bridges: [{ type: 'osc', listn: 8000 }] }, /listn/],
      [{ ...config, bridges: [{ type: 'mqtt', url: 'http://x' }] }, /url must be mqtt:.*not "http:\/\/x"/],
      [{ ...config, bridges: [{ type: 'websocket-json' }] }, /needs a port to listen on or a url/],
      [{ ...config, bridges: [{ type: 'websocket-json', url: 'http://x' }] }, /url must be ws:.*not "http:\/\/x"/],
      [{ ...config, bridges: [{ type: 'http' }] }, /needs a port, webhooks or polls/],
      [
        { ...config, bridges: [{ type: 'http', webhooks: [{ pattern: '/a', url: 'b/{address}' }] }] },
        /not "b\/{address}"/,
      ],
      [
        { ...config, bridges: [{ type: 'http', polls: [{ to: '/a', url: 'b', every: 1 }] }] },
        /url must be a URL.*not "b"/,
      ],
      [{ ...config, bridges: [{ type: 'mqtt', url: 'mqtt://x', subscribe: ['a/#/b'] }] }, /subscribe\.0.*a\/#\/b/],
    ] as const;
    for (const [next, words] of bad) {
      await expect(relay.change(next as unknown as RelayConfig)).rejects.toMatchObject({
        code: 402,
        reason: expect.stringMatching(words),
      });
    }
    expect(events.filter(({ type }) => type === 'changed')).toEqual([]);
  });
});
