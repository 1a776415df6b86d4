// The scenarios of client_test5.py of paho.mqtt.testing (MQTT 5), with mqtt.js, and with bare packets where it will not
// misbehave; what takes time is in operators/mqtt/mqtt-server.test.ts.
import type { Packet } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Authenticate } from '../../operators/router/authenticate.ts';
import { closeAll, waitFor } from '../../peers/mqtt-bridge-rig.ts';
import { MqttPeerScript } from '../../peers/mqtt-peer-script.ts';
import { mqttRelay, probe } from '../../peers/mqtt-server-rig.ts';

afterEach(closeAll);

const publishes = (packets: readonly Packet[]) =>
  packets.flatMap((packet) => (packet.cmd === 'publish' ? [packet] : []));

describe('an MQTT server, as the interoperability scenarios of MQTT 5 have it', () => {
  it('says what it can do, and gives a client without an id one (assigned client id)', async () => {
    const { port } = await mqttRelay({ maxInflight: 20, maxTopicAliases: 8, maxPacketSize: 10_000 });
    const { properties } = await probe(port, { clientId: '' });
    expect(properties).toMatchObject({
      assignedClientIdentifier: expect.stringMatching(/^clasp-/),
      receiveMaximum: 20,
      topicAliasMaximum: 8,
      maximumPacketSize: 10_000,
    });
    expect(properties).not.toHaveProperty('sharedSubscriptionAvailable', false);
  });

  it('tells a client that wants to be silent for too long what it may (server keep alive)', async () => {
    const { port } = await mqttRelay({ maxKeepalive: 60 });
    expect((await probe(port, { keepalive: 120 })).properties.serverKeepAlive).toBe(60);
    expect((await probe(port, { keepalive: 30 })).properties.serverKeepAlive).toBeUndefined();
  });

  it('hands on payload, user properties, content type, response topic and correlation data (user properties, payload format)', async () => {
    const { port, app } = await mqttRelay();
    const { client, packets } = await probe(port);
    await client.subscribeAsync('p/#', { qos: 2 });
    const other = await probe(port);
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'p/answer',
      correlationData: Buffer.from([0, 255, 1]),
      userProperties: { a: '2', c: ['3', '4'] },
    };
    await other.client.publishAsync('p/event', '21.50', { qos: 2, properties });
    await other.client.publishAsync('p/param', '{"b": 1,  "a": 2}', { qos: 1, retain: true, properties });
    await waitFor(() => expect(packets.length).toBe(2));
    for (const packet of packets) expect(packet.properties).toEqual(properties);
    expect(packets.map(({ payload }) => String(payload))).toEqual(['21.50', '{"b": 1,  "a": 2}']);
    const late = await probe(port);
    await late.client.subscribeAsync('p/param', { qos: 1 });
    await waitFor(() => expect(late.packets[0]?.properties).toEqual(properties));
    // What somebody else writes is not what that client said.
    await app.set('/mqtt/p/param', 5);
    await waitFor(() => expect(packets.at(-1)).toMatchObject({ payload: Buffer.from('5') }));
    expect(packets.at(-1)?.properties ?? {}).not.toHaveProperty('contentType');
  });

  it('refuses a payload that is said to be UTF-8 and is not (payload format)', async () => {
    const { port } = await mqttRelay();
    const { client } = await probe(port);
    const wrong = client.publishAsync('p', Buffer.from([0xff]), {
      qos: 1,
      properties: { payloadFormatIndicator: true },
    });
    await expect(wrong).rejects.toMatchObject({ code: 0x99 });
  });

  it('gives each message the identifiers of all subscriptions that match (subscription identifiers)', async () => {
    const { port } = await mqttRelay();
    const { client, packets } = await probe(port);
    await client.subscribeAsync('s/#', { qos: 1, properties: { subscriptionIdentifier: 456 } });
    await client.subscribeAsync('s/+', { qos: 2, properties: { subscriptionIdentifier: 2 } });
    await client.publishAsync('s/a', 'x', { qos: 1 });
    await client.publishAsync('s/a/b', 'x', { qos: 1 });
    await waitFor(() => expect(packets.length).toBe(2));
    expect(packets.map(({ properties }) => properties?.subscriptionIdentifier)).toEqual([[456, 2], 456]);
  });

  it('takes topics by number, and gives them where the client takes them (topic aliases)', async () => {
    const { port, app } = await mqttRelay();
    const raw = await MqttPeerScript.hello(port, 5, { properties: { topicAliasMaximum: 1 } });
    raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'in/#', qos: 0 }] });
    await waitFor(() => expect(raw.received.length).toBe(2));
    const message = { cmd: 'publish', qos: 0, dup: false, retain: true, payload: '1' } as const;
    raw.send({ ...message, topic: 'out/a', properties: { topicAlias: 3 } });
    raw.send({ ...message, topic: '', payload: '2', properties: { topicAlias: 3 } });
    await waitFor(async () => expect(await app.get('/mqtt/out/a')).toBe(2));

    for (const [address, value] of [
      ['a', 1],
      ['a', 2],
      ['b', 3],
    ] as const)
      await app.emit(`/mqtt/in/${address}`, value);
    await waitFor(() => expect(publishes(raw.received).length).toBe(3));
    expect(publishes(raw.received).map(({ topic, properties }) => [topic, properties?.topicAlias])).toEqual([
      ['in/a', 1],
      ['', 1],
      ['in/b', undefined],
    ]);
    raw.send({ ...message, topic: 'out/a', properties: { topicAlias: 33 } });
    await waitFor(() => expect(raw.received.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x94 }));
    await waitFor(() => expect(raw.closed).toBe(true));
  });

  it('keeps to the receive maximum of a client, and cuts off one that does not keep to its own (flow control)', async () => {
    const { port, app } = await mqttRelay({ maxInflight: 5 });
    const raw = await MqttPeerScript.hello(port, 5, { properties: { receiveMaximum: 2 } });
    raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'f', qos: 2 }] });
    await waitFor(() => expect(raw.received.length).toBe(2));
    for (let n = 0; n < 6; n++) await app.emit('/mqtt/f', n);
    const ids = () => publishes(raw.received).map(({ messageId }) => messageId as number);
    await waitFor(() => expect(ids().length).toBe(2));
    raw.send({ cmd: 'pubrec', messageId: ids()[0] as number, reasonCode: 0 });
    await waitFor(() => expect(raw.received.at(-1)?.cmd).toBe('pubrel'));
    expect(ids().length).toBe(2); // received is not yet complete
    raw.send({ cmd: 'pubcomp', messageId: ids()[0] as number, reasonCode: 0 });
    await waitFor(() => expect(ids().length).toBe(3));
    raw.send({ cmd: 'pubrec', messageId: ids()[1] as number, reasonCode: 0x80 });
    await waitFor(() => expect(ids().length).toBe(4));

    const message = { cmd: 'publish', topic: 'x', qos: 2, dup: false, retain: false, payload: '1' } as const;
    for (let messageId = 1; messageId <= 6; messageId++) raw.send({ ...message, messageId });
    await waitFor(() => expect(raw.received.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x93 }));
  });

  it('sends nothing that is longer than the client takes (maximum packet size)', async () => {
    const { port, app, failures } = await mqttRelay();
    const { client, received } = await probe(port, { properties: { maximumPacketSize: 64 } });
    await client.subscribeAsync('m/#', { qos: 2 });
    await app.emit('/mqtt/m/long', 'x'.repeat(100));
    await app.emit('/mqtt/m/short', 'x');
    await waitFor(() => expect(received).toEqual(['m/short x']));
    await waitFor(() => expect(failures().at(-1)?.reason).toContain('longer than the client takes'));
  });

  it.each([4, 5] as const)(
    'gives a message to one of those who share a filter, protocol %d (shared subscriptions)',
    async (protocolVersion) => {
      const { port } = await mqttRelay();
      const probes = await Promise.all([1, 2].map(() => probe(port, { protocolVersion })));
      for (const { client } of probes) await client.subscribeAsync(['$share/g/m', 'all'], { qos: 1 });
      const { client } = await probe(port);
      for (let n = 0; n < 4; n++) await client.publishAsync('m', `${n}`, { qos: 1 });
      await client.publishAsync('all', 'end', { qos: 1 });
      const heard = () => probes.map(({ received }) => received);
      await waitFor(() =>
        expect(heard()).toEqual([
          ['m 0', 'm 2', 'all end'],
          ['m 1', 'm 3', 'all end'],
        ]),
      );
    },
  );

  it('refuses what is no filter', async () => {
    const { port } = await mqttRelay();
    const raw = await MqttPeerScript.hello(port, 5);
    const subscriptions = ['$share/g', 'a/#/b', 'ok'].map((topic) => ({ topic, qos: 1 }) as const);
    raw.send({ cmd: 'subscribe', messageId: 7, subscriptions });
    await waitFor(() => expect(raw.received[1]).toMatchObject({ cmd: 'suback', granted: [0x8f, 0x8f, 1] }));
    raw.send({ cmd: 'unsubscribe', messageId: 8, unsubscriptions: ['ok', 'never'] });
    await waitFor(() => expect(raw.received[2]).toMatchObject({ cmd: 'unsuback', granted: [0, 0x11] }));
  });

  it('follows the subscription options: no local, retain as published, retain handling', async () => {
    const { port, app } = await mqttRelay();
    await app.set('/mqtt/k/old', 1);
    const { client, received } = await probe(port);
    await client.subscribeAsync('k/#', { qos: 1, nl: true, rap: true, rh: 2 });
    await client.publishAsync('k/own', 'mine', { qos: 1 });
    await client.publishAsync('k/own', 'mine', { qos: 1, retain: true });
    await app.set('/mqtt/k/new', 2);
    await waitFor(() => expect(received).toEqual(['k/new 2 (r)']));
    await client.subscribeAsync('k/#', { qos: 1, rh: 1 }); // known already: nothing that is retained
    await app.emit('/mqtt/k/end', 1);
    await waitFor(() => expect(received.slice(1)).toEqual(['k/end 1']));
    await client.subscribeAsync('k/old', { qos: 1, rh: 1 });
    await waitFor(() => expect(received.slice(2)).toEqual(['k/old 1 (r)']));
    await client.subscribeAsync('k/old', { qos: 1, rh: 0 });
    await waitFor(() => expect(received.slice(3)).toEqual(['k/old 1 (r)']));
  });

  it('says why it does not let in: password, and what it may not do', async () => {
    const authenticate: Authenticate = (token) => {
      if (token === 'guest') return { scopes: ['read:/mqtt/**'] };
      throw new ClaspError(ErrorCode.NotAuthenticated, 'who is that?');
    };
    const { port, app } = await mqttRelay({ authenticate });
    await expect(probe(port, { username: 'x', password: 'wrong' })).rejects.toMatchObject({ code: 0x86 });
    await expect(probe(port)).rejects.toMatchObject({ code: 0x87 });
    await expect(probe(port, { protocolVersion: 4, username: 'x', password: 'wrong' })).rejects.toMatchObject({
      code: 4,
    });
    await expect(probe(port, { protocolVersion: 4 })).rejects.toMatchObject({ code: 5 });
    const { client } = await probe(port, { username: 'x', password: 'guest' });
    const refused = client.publishAsync('a', '1', { qos: 1, retain: true });
    await expect(refused).rejects.toMatchObject({ code: 0x87 });
    expect(await app.get('/mqtt/a')).toBeNull();
    // Nor does anything of what was refused stick to what somebody else writes.
    const properties = { userProperties: { from: 'guest' } };
    await expect(client.publishAsync('b', '1.0', { qos: 1, retain: true, properties })).rejects.toMatchObject({
      code: 0x87,
    });
    await app.set('/mqtt/b', 1);
    const reader = await probe(port, { username: 'x', password: 'guest' });
    await reader.client.subscribeAsync('b', { qos: 1 });
    await waitFor(() => expect(reader.received).toEqual(['b 1 (r)']));
    expect(reader.packets[0]?.properties?.userProperties).toBeUndefined();
    expect(await app.set('/mqtt/b', null)).toBeDefined();
    const old = await probe(port, { protocolVersion: 4, username: 'x', password: 'guest' });
    await old.client.publishAsync('a', '1', { qos: 2, retain: true }); // 3.1.1 cannot say so
    expect(await app.get('/mqtt/a')).toBeNull();
  });

  it('goes on with a session only for whoever began it', async () => {
    const authenticate: Authenticate = (token) => ({ scopes: [`read:/mqtt/${token}/**`] });
    const { port, app } = await mqttRelay({ authenticate });
    const properties = { sessionExpiryInterval: 100 };
    const login = (password: string) => ({ clientId: 'shared', clean: false, username: 'x', password, properties });
    const first = await probe(port, login('a'));
    await first.client.subscribeAsync('#', { qos: 1 });
    await first.end();
    await app.emit('/mqtt/a/secret', 1);
    const thief = await probe(port, login('b'));
    expect(thief.sessionPresent).toBe(false);
    await thief.client.subscribeAsync('#', { qos: 1 });
    await app.emit('/mqtt/b/own', 1);
    await waitFor(() => expect(thief.received).toEqual(['b/own 1']));
  });
});
