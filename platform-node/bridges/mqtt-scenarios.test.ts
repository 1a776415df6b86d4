// The scenarios of client_test.py of paho.mqtt.testing (MQTT 3.1.1), with mqtt.js; keep alive is in mqtt-server-time.test.ts.
import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, waitFor } from '../../peers/mqtt-bridge-rig.ts';
import { MqttPeerScript } from '../../peers/mqtt-peer-script.ts';
import { mqttRelay, probe } from '../../peers/mqtt-server-rig.ts';

afterEach(closeAll);

const V4 = { protocolVersion: 4 } as const;

describe('an MQTT server, as the interoperability scenarios of 3.1.1 have it', () => {
  it('keeps retained messages, one per topic, until an empty one comes (retained)', async () => {
    const { port } = await mqttRelay();
    const { client } = await probe(port, V4);
    for (const qos of [0, 1, 2] as const) await client.publishAsync(`r/${qos}`, `qos ${qos}`, { qos, retain: true });
    const first = await probe(port, V4);
    await first.client.subscribeAsync('r/+', { qos: 2 });
    await waitFor(() => expect(first.received.sort()).toEqual(['r/0 qos 0 (r)', 'r/1 qos 1 (r)', 'r/2 qos 2 (r)']));
    for (const qos of [0, 1, 2] as const) await client.publishAsync(`r/${qos}`, '', { qos, retain: true });
    const second = await probe(port, V4);
    await second.client.subscribeAsync('r/+', { qos: 2 });
    await client.publishAsync('r/end', 'x', { qos: 1 });
    await waitFor(() => expect(second.received).toEqual(['r/end x']));
  });

  it('keeps messages for a client that is away, and tells it that its session is present (offline queueing)', async () => {
    const { port, app } = await mqttRelay();
    const login = { ...V4, clientId: 'away', clean: false };
    const before = await probe(port, login);
    await before.client.subscribeAsync('q/#', { qos: 2 });
    await before.end();
    const { client } = await probe(port, V4);
    for (const qos of [0, 1, 2] as const) await client.publishAsync(`q/${qos}`, `qos ${qos}`, { qos });
    await app.set('/mqtt/q/param', 1);
    await app.set('/mqtt/q/param', 2);
    const after = await probe(port, login);
    expect([before.sessionPresent, after.sessionPresent]).toEqual([false, true]);
    // QoS 0 is not kept; of a param, only the newest.
    await waitFor(() => expect(after.received).toEqual(['q/1 qos 1', 'q/2 qos 2', 'q/param 2']));

    const anew = await probe(port, { ...login, clean: true });
    expect(anew.sessionPresent).toBe(false);
    await client.publishAsync('q/1', 'gone', { qos: 1 });
    await anew.client.subscribeAsync('end', { qos: 1 });
    await client.publishAsync('end', 'x', { qos: 1 });
    await waitFor(() => expect(anew.received).toEqual(['end x']));
  });

  it('publishes the will of a client that is cut off, not of one that says goodbye (will)', async () => {
    const { port, app } = await mqttRelay();
    const { client, received } = await probe(port, V4);
    await client.subscribeAsync('will/#', { qos: 2 });
    const will = (topic: string, retain: boolean) => ({
      topic,
      payload: Buffer.from('client gone'),
      qos: 2 as const,
      retain,
    });
    const polite = await probe(port, { ...V4, will: will('will/polite', false) });
    await polite.end();
    const cut = await probe(port, { ...V4, will: will('will/cut', false) });
    cut.cut();
    const kept = await probe(port, { ...V4, will: will('will/kept', true) });
    kept.cut();
    await waitFor(() => expect(received.sort()).toEqual(['will/cut client gone', 'will/kept client gone']));
    expect(await app.get('/mqtt/will/kept')).toBe('client gone');
  });

  it('sends one message for subscriptions that overlap, at the highest QoS (overlapping subscriptions)', async () => {
    const { port, app } = await mqttRelay();
    const { client, received, packets } = await probe(port, V4);
    await client.subscribeAsync({ 'o/#': { qos: 2 }, 'o/+': { qos: 1 } });
    await client.publishAsync('o/a', 'own', { qos: 2 });
    const other = await probe(port, V4);
    await other.client.publishAsync('o/a', 'another', { qos: 2 });
    await app.set('/mqtt/o/a', 'kept');
    await app.emit('/mqtt/o/end', 'x');
    await waitFor(() => expect(received).toEqual(['o/a own', 'o/a another', 'o/a kept', 'o/end x']));
    expect(packets.map(({ qos }) => qos)).toEqual([2, 2, 2, 2]);
  });

  it('sends again what was not confirmed when the wire was cut, as a duplicate (redelivery on reconnect)', async () => {
    const { port } = await mqttRelay();
    const login = { ...V4, clientId: 'flaky', clean: false };
    const before = await probe(port, login);
    await before.client.subscribeAsync('d/#', { qos: 2 });
    // It takes what comes and confirms nothing.
    before.client.handleMessage = () => undefined;
    const { client } = await probe(port, V4);
    await client.publishAsync('d/1', 'one', { qos: 1 });
    await client.publishAsync('d/2', 'two', { qos: 2 });
    await waitFor(() => expect(before.received.length).toBeGreaterThan(0));
    before.cut();
    const after = await probe(port, login);
    await waitFor(() => expect(after.received).toEqual(['d/1 one', 'd/2 two']));
    expect(after.packets.map(({ dup }) => dup)).toEqual([true, true]);
  });

  it('names a client that has no id, if it does not want to be remembered (zero-length client id)', async () => {
    const { port } = await mqttRelay();
    const { client } = await probe(port, { ...V4, clientId: '', clean: true });
    expect(client.connected).toBe(true);
    const raw = await MqttPeerScript.connect(port, 4);
    raw.sendBytes(Buffer.from('100c00044d5154540400003c0000', 'hex')); // CONNECT, clean session 0, no id
    await waitFor(() => expect(raw.received).toMatchObject([{ cmd: 'connack', returnCode: 2 }]));
    await waitFor(() => expect(raw.closed).toBe(true));
  });

  it('says which subscriptions it refuses, and serves the others (subscribe failure)', async () => {
    const authenticate = () => ({ scopes: ['read:/mqtt/open/**', 'write:/mqtt/open/**'] });
    const { port } = await mqttRelay({ authenticate });
    const { client, received } = await probe(port, V4);
    await expect(client.subscribeAsync('secret/#', { qos: 2 })).rejects.toThrow(/Subscribe error/);
    await client.subscribeAsync('open/#', { qos: 2 });
    await client.publishAsync('open/a', '1', { qos: 1 });
    await waitFor(() => expect(received).toEqual(['open/a 1']));
  });

  it('sends nothing more of what a client has unsubscribed from (unsubscribe)', async () => {
    const { port } = await mqttRelay();
    const { client, received } = await probe(port, V4);
    await client.subscribeAsync(['u/a', 'u/b', 'u/c'], { qos: 2 });
    await client.unsubscribeAsync('u/a');
    for (const topic of ['u/a', 'u/b', 'u/c']) await client.publishAsync(topic, 'x', { qos: 1 });
    await waitFor(() => expect(received).toEqual(['u/b x', 'u/c x']));
  });

  it('keeps topics that begin with $ from filters that begin with a wildcard (dollar topics)', async () => {
    const { port } = await mqttRelay();
    const { client, received } = await probe(port, V4);
    await client.subscribeAsync({ '#': { qos: 2 }, '+/a': { qos: 2 } });
    await client.publishAsync('$x/a', 'hidden', { qos: 1, retain: true });
    await client.publishAsync('end', 'x', { qos: 1 });
    await waitFor(() => expect(received).toEqual(['end x']));
    await client.subscribeAsync('$x/#', { qos: 1 });
    await waitFor(() => expect(received.at(-1)).toBe('$x/a hidden (r)'));
  });

  it('gives a session to the newest connection with its id (takeover)', async () => {
    const { port, devices } = await mqttRelay();
    const first = await probe(port, { ...V4, clientId: 'same', clean: false });
    await first.client.subscribeAsync('t', { qos: 1 });
    const closed = new Promise((resolve) => first.client.once('close', () => resolve(true)));
    const second = await probe(port, { ...V4, clientId: 'same', clean: false });
    expect(await closed).toBe(true);
    await second.client.publishAsync('t', '1', { qos: 1 });
    await waitFor(() => expect(second.received).toEqual(['t 1']));
    await waitFor(() => expect(devices()).toEqual(['same']));
  });
});
