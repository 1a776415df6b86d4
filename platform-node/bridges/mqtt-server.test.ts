import { afterEach, describe, expect, it } from 'vitest';
import { installed } from '../../peers/installed.ts';
import { mosquittoPub, mosquittoSub } from '../../peers/mosquitto.ts';
import { closeAll, waitFor } from '../../peers/mqtt-bridge-rig.ts';
import { MqttPeerScript } from '../../peers/mqtt-peer-script.ts';
import { mqttRelay, probe } from '../../peers/mqtt-server-rig.ts';

afterEach(closeAll);

describe.skipIf(!installed('mosquitto_pub') || !installed('mosquitto_sub'))(
  'an MQTT server, with mosquitto_pub and mosquitto_sub',
  () => {
    it.each(['mqttv311', 'mqttv5'])(
      'takes retained messages as params and gives params as retained messages (%s)',
      async (version) => {
        const { port, app } = await mqttRelay();
        await mosquittoPub(port, '-V', version, '-r', '-t', 'sensors/temp', '-m', '21.5');
        expect(await app.get('/mqtt/sensors/temp')).toBe(21.5);
        await app.set('/mqtt/sensors/name', 'hall');
        const words = ['-V', version, '-v', '-t', 'sensors/#', '-C', '2', '-W', '10', '-F', '%t %p %r %q', '-q', '1'];
        expect([...(await mosquittoSub(port, ...words))].sort()).toEqual([
          'sensors/name hall 1 1',
          'sensors/temp 21.5 1 0',
        ]);
      },
    );

    it.each([0, 1, 2])('takes events at QoS %d, and hands them on', async (qos) => {
      const { port, app } = await mqttRelay();
      const seen: unknown[] = [];
      app
        .on('/mqtt/**', { types: ['event'] })
        .subscribe((signal) => signal.kind === 'event' && seen.push(signal.value));
      const { client, received } = await probe(port);
      await client.subscribeAsync('go/+', { qos: 2 });
      await mosquittoPub(port, '-q', String(qos), '-t', 'go/now', '-m', '{"cue":7}');
      await waitFor(() => expect(received).toEqual(['go/now {"cue":7}']));
      expect(seen).toEqual([{ cue: 7 }]);
    });
  },
);

describe.each([4, 5] as const)('an MQTT server, protocol %d', (protocolVersion) => {
  const options = { protocolVersion };

  it('sends what changes in the relay, and what is deleted as an empty message', async () => {
    const { port, app } = await mqttRelay();
    await app.set('/mqtt/a', 1);
    const { client, received } = await probe(port, options);
    await client.subscribeAsync('#', { qos: 1 });
    await waitFor(() => expect(received).toEqual(['a 1 (r)']));
    await app.set('/mqtt/a', 2);
    await app.set('/mqtt/a', null);
    await app.emit('/mqtt/go', 'now');
    app.stream('/mqtt/meter', 0.5);
    await app.set('/elsewhere', 1);
    await waitFor(() => expect(received.slice(1)).toEqual(['a 2', 'a ', 'go now', 'meter 0.5']));
  });

  it('brings a client what it publishes itself, at every QoS', async () => {
    const { port } = await mqttRelay();
    const { client, received, packets } = await probe(port, options);
    await client.subscribeAsync('t/#', { qos: 2 });
    for (const qos of [0, 1, 2] as const) await client.publishAsync(`t/${qos}`, `qos ${qos}`, { qos });
    for (const qos of [0, 1, 2] as const) await client.publishAsync(`t/r${qos}`, `kept ${qos}`, { qos, retain: true });
    await waitFor(() => expect(received.length).toBe(6));
    expect(received.sort()).toEqual([
      't/0 qos 0',
      't/1 qos 1',
      't/2 qos 2',
      't/r0 kept 0',
      't/r1 kept 1',
      't/r2 kept 2',
    ]);
    for (const packet of packets) expect(packet.topic.at(-1)).toBe(String(packet.qos));
  });

  it('carries a thousand messages each way at QoS 2, once each and in order', async () => {
    const { port, app } = await mqttRelay();
    const seen: unknown[] = [];
    app.on('/mqtt/up', { types: ['event'] }).subscribe((signal) => signal.kind === 'event' && seen.push(signal.value));
    const { client, received } = await probe(port, options);
    await client.subscribeAsync('down', { qos: 2 });
    // One after the other within the receive maximum, which mqtt.js does not keep by itself.
    for (let n = 0; n < 1_000; n += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, i) => client.publishAsync('up', String(n + i), { qos: 2 })));
    }
    for (let n = 0; n < 1_000; n++) app.emit('/mqtt/down', n);
    await waitFor(() => expect(received.length).toBe(1_000));
    expect(seen).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
    expect(received).toEqual(Array.from({ length: 1_000 }, (_, n) => `down ${n}`));
  });
});

describe('an MQTT server and clients that take short packets only', () => {
  it('sends nothing that is longer than the client takes: no reason, then no packet', async () => {
    const { port } = await mqttRelay({ authenticate: () => ({ scopes: ['read:/**'] }) });
    const sent = { cmd: 'publish', topic: 't', payload: 'x', qos: 1, dup: false, retain: false, messageId: 1 } as const;
    const client = await MqttPeerScript.hello(port, 5, { properties: { maximumPacketSize: 30 } });
    client.send(sent);
    await waitFor(() => expect(client.received[1]).toMatchObject({ cmd: 'puback', reasonCode: 0x87 }));
    expect(client.received[1]).not.toHaveProperty('properties.reasonString');
    const other = await MqttPeerScript.hello(port, 5, { clientId: 'other' });
    other.send(sent);
    await waitFor(() => expect(other.received[1]).toHaveProperty('properties.reasonString'));
    const tiny = await MqttPeerScript.hello(port, 5, { clientId: 'tiny', properties: { maximumPacketSize: 10 } });
    await waitFor(() => expect(tiny.closed).toBe(true));
    expect(tiny.received).toEqual([]);
  });
});
