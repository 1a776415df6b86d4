import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { installed } from '../../peers/installed.ts';
import { mosquitto, mosquittoPub, mosquittoSub } from '../../peers/mosquitto.ts';
import { closeAll, device, open, waitFor } from '../../peers/mqtt-bridge-rig.ts';
import { MqttPeerScript } from '../../peers/mqtt-peer-script.ts';
import { mqttRelay, probe } from '../../peers/mqtt-server-rig.ts';
import { createRelay } from '../relay.ts';

afterEach(closeAll);

describe.skipIf(!installed('mosquitto') || !installed('mosquitto_sub'))('an MQTT server and mosquitto', () => {
  it.each(['mqttv311', 'mqttv50'])(
    'lets a bridge of stock settings in, and no message goes round (%s)',
    async (version) => {
      const { port, app, failures } = await mqttRelay();
      const lines = [
        'allow_anonymous true',
        'connection stage',
        `address 127.0.0.1:${port}`,
        'topic # both 1',
        `bridge_protocol_version ${version}`,
      ];
      const bridge = await mosquitto(lines);
      open.push(() => bridge.close());
      // What it says of itself by its notifications.
      const states: unknown[] = [];
      app
        .on('/mqtt/$SYS/broker/connection/**')
        .subscribe((signal) => signal.kind === 'param' && states.push(signal.value));
      await waitFor(() => expect(states.at(-1)).toBe(1));

      const there = await device(bridge.port, 'lamp/#');
      const seen: unknown[] = [];
      app
        .on('/mqtt/lamp/**')
        .subscribe((signal) => signal.kind !== 'timeline' && seen.push([signal.kind, signal.value]));
      await there.client.publishAsync('lamp/press', 'once', { qos: 1 });
      await waitFor(() => expect(seen).toEqual([['event', 'once']]));
      await there.client.publishAsync('lamp/on', 'true', { qos: 1, retain: true });
      await app.set('/mqtt/lamp/dim', 0.5);
      await waitFor(() => expect(there.received).toContain('lamp/dim 0.5 (r)'));
      await waitFor(() => expect(seen.length).toBe(3));
      // Had one gone round, it would have come before this one.
      await app.emit('/mqtt/lamp/last', 'now');
      await waitFor(() => expect(there.received.at(-1)).toMatch(/^lamp\/last now/));
      expect(there.received).toHaveLength(4);
      expect(seen.slice(1)).toEqual(
        expect.arrayContaining([
          ['param', true],
          ['param', 0.5],
        ]),
      );
      expect(seen).toHaveLength(3);

      await bridge.kill();
      await waitFor(() => expect(states.at(-1)).toBe(0));
      expect(failures()).toEqual([]);
    },
  );

  it('speaks MQTT 3.1, by TCP', async () => {
    const { port, app } = await mqttRelay();
    await mosquittoPub(port, '-V', 'mqttv31', '-i', 'old', '-r', '-q', '2', '-t', 'a/b', '-m', '7');
    expect(await app.get('/mqtt/a/b')).toBe(7);
    const words = ['-V', 'mqttv31', '-i', 'older', '-t', 'a/#', '-C', '1', '-W', '10', '-F', '%t %p %r'];
    expect(await mosquittoSub(port, ...words)).toEqual(['a/b 7 1']);
  });

  it('keeps what is retained as the word null, and ends only what is retained empty', async () => {
    const { port, app } = await mqttRelay();
    await mosquittoPub(port, '-r', '-t', 'state', '-m', 'null');
    expect(await app.get('/mqtt/state')).toBe('null');
    const words = ['-t', 'state', '-C', '1', '-W', '10', '-F', '%p %r'];
    expect(await mosquittoSub(port, ...words)).toEqual(['null 1']);
    await mosquittoPub(port, '-r', '-t', 'state', '-n');
    expect(await app.get('/mqtt/state')).toBeNull();
  });
});

describe('an MQTT server', () => {
  it('refuses what only it may say at $SYS', async () => {
    const { port } = await mqttRelay();
    const { client } = await probe(port);
    await expect(client.publishAsync('$SYS/broker/uptime', '1', { qos: 1 })).rejects.toMatchObject({ code: 0x90 });
    await client.publishAsync('$SYS/broker/connection/stage/state', '1', { qos: 1, retain: true });
  });

  it('keeps the order within a topic for a client that takes one message at a time', async () => {
    const { port, app } = await mqttRelay();
    const script = await MqttPeerScript.hello(port, 5, { properties: { receiveMaximum: 1 } });
    script.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
    await waitFor(() => expect(script.received.at(-1)?.cmd).toBe('suback'));
    for (const n of [1, 2]) await app.set('/mqtt/a', n);
    await app.emit('/mqtt/a', 'go');
    await app.set('/mqtt/a', 3);
    const heard: string[] = [];
    while (heard.at(-1) !== '3') {
      await waitFor(() => expect(script.received.at(-1)?.cmd).toBe('publish'));
      const packet = script.received.pop();
      if (packet?.cmd !== 'publish') continue;
      heard.push(String(packet.payload));
      script.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
    }
    expect(heard).toEqual(['1', 'go', '3']);
  });
});

describe('MQTT over a WebSocket of the relay', () => {
  const start = async () => {
    const relay = createRelay({ port: 0, bridges: [{ type: 'mqtt-server', port: false }] });
    open.push(() => relay.close());
    const { port } = await relay.ready;
    return { relay, port };
  };
  const dial = async (port: number, protocol: string) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, protocol);
    open.push(() => socket.terminate());
    const received: Buffer[] = [];
    socket.on('message', (data: Buffer) => received.push(data));
    const closed = new Promise<readonly [number, string]>((resolve) =>
      socket.on('close', (code, reason) => resolve([code, String(reason)])),
    );
    await new Promise((resolve) => socket.on('open', resolve));
    return { socket, received, closed };
  };
  const OLD_CONNECT = Buffer.from('100f00064d51497364700302003c000163', 'hex');

  it('takes the subprotocol mqttv3.1 of old', async () => {
    const { port } = await start();
    const { socket, received } = await dial(port, 'mqttv3.1');
    expect(socket.protocol).toBe('mqttv3.1');
    socket.send(OLD_CONNECT);
    await waitFor(() => expect(Buffer.concat(received).toString('hex')).toBe('20020000'));
  });

  it('ends one that sends text, which is not MQTT, and takes nothing of it', async () => {
    const { port, relay } = await start();
    const { socket, received, closed } = await dial(port, 'mqtt');
    socket.send(OLD_CONNECT);
    await waitFor(() => expect(received).toHaveLength(1));
    socket.send('0\u0003\0\u0001a', { binary: false }); // a PUBLISH, were it bytes
    socket.send(Buffer.from('3003000161', 'hex'));
    const seen: unknown[] = [];
    relay
      .client('app')
      .on('/mqtt/**')
      .subscribe((signal) => seen.push(signal));
    expect(await closed).toEqual([1003, 'binary messages only']);
    expect(seen).toEqual([]);
  });

  it.each(['mqtt', 'clasp', 'json'])('refuses a close reason that is not UTF-8 (%s)', async (protocol) => {
    const { port } = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${protocol}`, protocol === 'json' ? [] : protocol);
    open.push(() => socket.terminate());
    await new Promise((resolve) => socket.on('open', resolve));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    // Masked with zeros: close, 1000, and a byte that no UTF-8 has.
    const raw = (socket as unknown as { _socket: import('node:net').Socket })._socket;
    raw.write(Buffer.from([0x88, 0x83, 0, 0, 0, 0, 0x03, 0xe8, 0xff]));
    expect(await closed).toBe(1007);
  });
});
