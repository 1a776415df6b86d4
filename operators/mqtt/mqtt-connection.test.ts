import { describe, expect, it } from 'vitest';
import type { MqttPacket } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { last, publish, setup, subscribe, texts, will } from '../../peers/virtual-mqtt.ts';

describe('MqttServer, with clients that break the rules', () => {
  it('refuses more clients than it wants, and those with odd ids or a method it does not know', () => {
    const { connect } = setup({ maxClients: 1 });
    connect({ clientId: 'one' });
    expect(last(connect({ clientId: 'two' }))).toMatchObject({ cmd: 'connack', reasonCode: 0x97 });
    expect(last(connect({ clientId: 'one' }))).toMatchObject({ cmd: 'connack', reasonCode: 0 });
    expect(last(connect({ clientId: 'a\nb' }))).toMatchObject({ reasonCode: 0x85 });
    expect(last(connect({ clientId: 'x'.repeat(300), protocolVersion: 4 }))).toMatchObject({ returnCode: 2 });
    expect(last(connect({ properties: { authenticationMethod: 'SCRAM' } }))).toMatchObject({ reasonCode: 0x8c });
    expect(last(connect({ properties: { receiveMaximum: 0 } }))).toMatchObject({ reasonCode: 0x82 });
    expect(last(connect({ will: will('a/#') }))).toMatchObject({ reasonCode: 0x90 });
  });

  it.each<[string, MqttPacket, number]>([
    ['a second CONNECT', { cmd: 'connect', protocolVersion: 5, clientId: 'c', clean: true, keepalive: 0 }, 0x82],
    ['AUTH', { cmd: 'auth' }, 0x82],
    ['a topic with a wildcard', publish('a/+', '1'), 0x90],
    ['an empty topic', publish('', '1'), 0x82],
    ['packet id 0', publish('a', '1', { qos: 1, messageId: 0 }), 0x82],
    ['an empty SUBSCRIBE', { cmd: 'subscribe', messageId: 1, subscriptions: [] }, 0x82],
    ['a wildcard to respond to', publish('a', '1', { properties: { responseTopic: '#' } }), 0x82],
    ['topic alias 0', publish('a', '1', { properties: { topicAlias: 0 } }), 0x94],
  ])('closes a client for %s, and nobody else', (_, packet, reasonCode) => {
    const { connect } = setup();
    const other = connect({ clientId: 'other' });
    const client = connect();
    client.packets.next(packet);
    expect(last(client)).toEqual({ cmd: 'disconnect', reasonCode });
    expect([client.closed, other.closed]).toEqual([true, false]);
  });

  it('closes a client without an answer where 3.1.1 has no return code for it', () => {
    const { connect } = setup();
    const client = connect({ protocolVersion: 4, will: will('') });
    expect([client.received, client.closed]).toEqual([[], true]);
    expect(last(connect({ will: will('') }))).toMatchObject({ cmd: 'connack', reasonCode: 0x90 });
  });

  it('takes no DISCONNECT that keeps a session which was to end with its connection', () => {
    const { connect, pass } = setup();
    const watcher = connect({ clientId: 'watcher' });
    watcher.packets.next(subscribe('will'));
    const client = connect({ will: will('will') });
    client.packets.next({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 5 } });
    expect(last(client)).toEqual({ cmd: 'disconnect', reasonCode: 0x82 });
    pass(0);
    expect(texts(watcher)).toEqual(['will gone']);
  });
});
