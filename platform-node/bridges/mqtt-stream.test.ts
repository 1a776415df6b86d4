import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import * as codec from 'mqtt-packet';
import { generate, type Packet } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { ClaspError } from '../../core/errors.ts';
import type { MqttPacket } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { RoundRobin } from '../../operators/round-robin.ts';
import { closeAll, waitFor } from '../../peers/mqtt-bridge-rig.ts';
import { MqttPeerScript } from '../../peers/mqtt-peer-script.ts';
import { mqttRelay, probe } from '../../peers/mqtt-server-rig.ts';
import { setup, subscribe, texts } from '../../peers/virtual-mqtt.ts';
import { MqttStream } from './mqtt-stream.ts';

afterEach(closeAll);

async function bound(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

const connect = (protocolVersion: 4 | 5, more: object = {}): Packet =>
  ({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion,
    clientId: 'c',
    clean: true,
    keepalive: 9,
    ...more,
  }) as Packet;

/** Every sort of packet that a client sends. */
const packets = (version: 4 | 5): Packet[] => {
  const v5 = <T>(properties: T) => (version === 5 ? { properties } : {});
  const userProperties = { a: 'b' };
  return [
    { cmd: 'publish', topic: 'a/b', payload: 'x', qos: 0, dup: false, retain: true },
    {
      cmd: 'publish',
      topic: 'a/b',
      payload: Buffer.from([1, 2, 3]),
      qos: 2,
      dup: false,
      retain: false,
      messageId: 7,
      ...v5({ userProperties, topicAlias: 3, correlationData: Buffer.from('c'), messageExpiryInterval: 9 }),
    },
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#', qos: 1 }], ...v5({ subscriptionIdentifier: 2 }) },
    { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/#', 'b'] },
    { cmd: 'puback', messageId: 3, ...(version === 5 && { reasonCode: 0x10, properties: { reasonString: 'r' } }) },
    { cmd: 'pubrel', messageId: 3, ...(version === 5 && { reasonCode: 0 }) },
    { cmd: 'pingreq' },
    { cmd: 'disconnect', ...(version === 5 && { reasonCode: 4, properties: { sessionExpiryInterval: 2 } }) },
  ];
};

const bytesOf = (version: 4 | 5): Buffer[] => {
  const will = { topic: 'w', payload: Buffer.from('x'), qos: 1, retain: true };
  const first = connect(version, { will, username: 'u', password: Buffer.from('p') });
  return [first, ...packets(version)].map((packet) => generate(packet, { protocolVersion: version }));
};

/** Turns that never end. */
const patient = new RoundRobin({ now: () => 0, later: () => undefined });

/** Reads bytes that come in pieces: the packets, and what it ended with. */
function read(pieces: readonly Uint8Array[], maxPacketSize = 1_000) {
  const stream = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  const peer = new MqttStream(stream, 'test', codec, maxPacketSize, patient);
  const found: MqttPacket[] = [];
  let failure: unknown;
  peer.packets.subscribe({
    next: (packet) => found.push(packet),
    error: (reason) => {
      failure = reason;
    },
  });
  for (const piece of pieces) stream.emit('data', Buffer.from(piece));
  stream.destroy();
  return { found, failure };
}

describe.each([4, 5] as const)('MqttStream, protocol %d', (version) => {
  it('reads packets whole, however they are cut', () => {
    const whole = Buffer.concat(bytesOf(version));
    const expected = read([whole]).found;
    expect(expected.map(({ cmd }) => cmd)).toEqual(['connect', ...packets(version).map(({ cmd }) => cmd)]);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 20 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const pieces = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        const { found, failure } = read(pieces);
        expect(failure).toBeUndefined();
        expect(found).toEqual(expected);
      }),
    );
  });

  it('fails with a ClaspError, and in no other way, whatever bytes come', () => {
    const valid = bytesOf(version);
    const mutation = fc.record({ index: fc.nat(valid.length - 1), at: fc.nat(60), byte: fc.nat(255), cut: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const frames: Buffer[] = valid.map((frame) => Buffer.from(frame));
        for (const { index, at, byte, cut } of mutations) {
          const frame = frames[index] as Buffer;
          if (at < frame.length) frame[at] = byte;
          if (cut > 30) frames[index] = frame.subarray(0, frame.length - (cut - 30));
        }
        const { failure } = read(frames);
        if (failure !== undefined) expect(failure).toBeInstanceOf(ClaspError);
      }),
    );
  });

  it('refuses a packet that is too long at its length, before it is there', () => {
    const first = generate(connect(version), { protocolVersion: version });
    const { failure } = read([first, Buffer.from([0x30, 0xff, 0xff, 0x7f])]);
    expect(failure).toMatchObject({ value: 0x95 });
    expect(read([first, Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])]).failure).toMatchObject({ value: 0x81 });
  });
});

describe('MqttStream', () => {
  const publish = (text: Buffer) => Buffer.concat([Buffer.from([0x30, 2 + text.length, 0, text.length]), text]);

  it('refuses topics that are not UTF-8, and takes those that have the sign for it', () => {
    const first = generate(connect(4), { protocolVersion: 4 });
    expect(read([first, publish(Buffer.from([0x61, 0xff]))]).failure).toMatchObject({ value: 0x81 });
    expect(read([first, publish(Buffer.from('\ufffd'))]).found.length).toBe(2);
  });

  it('takes MQTT 3.1 by its old name, and the level with which bridges of mosquitto begin', () => {
    const old = read([Buffer.from('100f00064d51497364700302003c000163', 'hex')]);
    expect(old).toMatchObject({ failure: undefined, found: [{ cmd: 'connect', protocolVersion: 3, clientId: 'c' }] });
    const bridge = read([Buffer.from('100d00044d5154548402003c000163', 'hex')]);
    expect(bridge).toMatchObject({ failure: undefined, found: [{ protocolVersion: 4, bridgeMode: true }] });
  });

  it('refuses what is no MQTT, and versions that are not spoken here', () => {
    expect(read([Buffer.from('GET / HTTP/1.1\r\n\r\n')]).failure).toMatchObject({ value: 0x82 });
    expect(read([Buffer.from('100c00044d5154540602003c0000', 'hex')]).failure).toMatchObject({ value: 0x84 });
    expect(read([Buffer.from('100e00064d51497364700202003c0000', 'hex')]).failure).toMatchObject({ value: 0x84 });
    expect(read([Buffer.from('100c00044d5154580402003c0000', 'hex')]).failure).toMatchObject({ value: 0x81 });
  });

  it('refuses a property that comes twice', () => {
    const properties = Buffer.from([0x21, 0, 1, 0x21, 0, 2]); // receive maximum
    const rest = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 0, properties.length, ...properties, 0, 1, 0x63]);
    expect(read([Buffer.concat([Buffer.from([0x10, rest.length]), rest])]).failure).toMatchObject({ value: 0x82 });
  });
});

describe('MqttStream, closing', () => {
  /** A peer that goes on talking after the server has closed; resolves with what its writes met. */
  async function talkOn(socket: Socket, done: () => boolean): Promise<unknown> {
    let met: unknown;
    socket.on('error', (cause) => {
      met = cause;
    });
    await once(socket, 'end');
    while (!met && !done()) {
      await new Promise((resolve) => socket.write('more', resolve));
      await new Promise(setImmediate);
    }
    return met;
  }

  it('lets the peer finish what it is sending, so that it can read why it is closed', async () => {
    const server = createServer((socket) => new MqttStream(socket, 'test', codec, 1_000, patient).close());
    const port = await bound(server);
    const peer = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true }).resume();
    let writes = 0;
    expect(await talkOn(peer, () => ++writes > 5)).toBeUndefined();
    peer.end();
    await once(peer, 'close');
    server.close();
  });

  it('does not wait for a peer that never finishes', async () => {
    const server = createServer((socket) => new MqttStream(socket, 'test', codec, 1_000, patient).close());
    const port = await bound(server);
    const peer = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true }).resume();
    expect(await talkOn(peer, () => false)).toMatchObject({ syscall: expect.stringMatching(/read|write/) });
    server.close();
  });
});

describe('an MQTT server with peers that are no good', () => {
  it('serves the others on, whatever bytes come', () => {
    const { server, app, connect: join } = setup();
    const good = join({ clientId: 'good' });
    good.packets.next(subscribe('#', 2));
    let round = 0;
    const mutation = fc.record({ index: fc.nat(8), at: fc.nat(40), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.constantFrom<(4 | 5)[]>(4, 5), fc.array(mutation, { maxLength: 3 }), (version, mutations) => {
        const frames = bytesOf(version).map((frame) => Buffer.from(frame));
        for (const { index, at, byte } of mutations) {
          const frame = frames[index] as Buffer;
          if (at > 1 && at < frame.length) frame[at] = byte;
        }
        const stream = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
        server.accept(new MqttStream(stream, 'test', codec, 1_000, patient));
        for (const frame of frames) stream.emit('data', frame);
        stream.destroy();
        stream.emit('close');
        app.emit('/mqtt/round', ++round);
        expect(texts(good).at(-1)).toBe(`round ${round}`);
        for (const packet of good.received.splice(0)) {
          if (packet.cmd !== 'publish') continue;
          const { qos, messageId = 0 } = packet;
          if (qos === 1) good.packets.next({ cmd: 'puback', messageId });
          if (qos === 2) good.packets.next({ cmd: 'pubrec', messageId });
          if (qos === 2) good.packets.next({ cmd: 'pubcomp', messageId });
        }
      }),
    );
    expect(server.clients).toEqual(['good']);
  });

  it('answers a version that it does not speak, and closes', async () => {
    const { port } = await mqttRelay();
    const raw = await MqttPeerScript.connect(port, 4);
    raw.sendBytes(Buffer.from('100c00044d5154540902003c0000', 'hex'));
    await waitFor(() => expect(raw.received).toMatchObject([{ cmd: 'connack', returnCode: 1 }]));
    await waitFor(() => expect(raw.closed).toBe(true));
  });

  it('closes the one that sends garbage, and the others do not notice', async () => {
    const { port, app, failures } = await mqttRelay();
    const good = await probe(port);
    await good.client.subscribeAsync('#', { qos: 1 });
    const bad = await MqttPeerScript.hello(port, 5);
    await waitFor(() => expect(bad.received.length).toBe(1));
    bad.sendBytes(Buffer.from([0x36, 0x00]));
    await waitFor(() => expect(bad.received[1]).toMatchObject({ cmd: 'disconnect', reasonCode: 0x81 }));
    await waitFor(() => expect(bad.closed).toBe(true));
    const early = await MqttPeerScript.connect(port, 5);
    early.send({ cmd: 'pingreq' });
    await waitFor(() => expect(early.closed).toBe(true));
    await app.emit('/mqtt/still', 'here');
    await waitFor(() => expect(good.received).toEqual(['still here']));
    await waitFor(() => expect(failures().length).toBeGreaterThan(0));
  });

  it('says what is wrong with topics that have no address, and keeps the connection', async () => {
    const { port, failures } = await mqttRelay();
    const { client } = await probe(port);
    const deep = Array(80).fill('a').join('/');
    await expect(client.publishAsync(deep, '1', { qos: 1 })).rejects.toMatchObject({ code: 0x90 });
    await expect(client.publishAsync('$SYS/x', '1', { qos: 1 })).rejects.toMatchObject({ code: 0x90 });
    expect(client.connected).toBe(true);
    const old = await probe(port, { protocolVersion: 4 });
    await old.client.publishAsync(deep, '1', { qos: 2 });
    await waitFor(() => expect(failures().map(({ code }) => code)).toContain(200));
  });

  it('is not stopped by a client that takes nothing', async () => {
    const { port, app } = await mqttRelay();
    const stuck = await probe(port);
    await stuck.client.subscribeAsync('#', { qos: 0 });
    stuck.client.stream.pause();
    const good = await probe(port);
    await good.client.subscribeAsync('#', { qos: 0 });
    const text = 'x'.repeat(10_000);
    for (let n = 0; n < 2_000; n++) await app.set(`/mqtt/p/${n % 10}`, `${n} ${text}`);
    await app.set('/mqtt/end', 1);
    await waitFor(() => expect(good.received.at(-1)).toBe('end 1'));
  });
});
