import { Observable, type Subscriber } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../core/address/pattern.ts';
import { ALL_SCOPES } from '../../core/address/scope.ts';
import type { Client, OnOptions } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { last, publish, setup, subscribe, texts, type VirtualMqtt, type Wire } from '../../peers/virtual-mqtt.ts';
import { MqttShares } from './mqtt-shares.ts';

const SHARED = '$share/g/work/#';

/** Clients that are subscribed to it. */
function sharing({ connect }: VirtualMqtt, ...clientIds: string[]): Wire[] {
  return clientIds.map((clientId) => {
    const wire = connect({ clientId, properties: { sessionExpiryInterval: 100 } });
    wire.packets.next(subscribe(SHARED));
    expect(last(wire)).toMatchObject({ cmd: 'suback', granted: [1] });
    return wire;
  });
}
const back = ({ connect }: VirtualMqtt, clientId: string): Wire =>
  connect({ clientId, clean: false, properties: { sessionExpiryInterval: 100 } });

describe('shared subscriptions of MQTT clients', () => {
  it('give each message to one of those who share, in turn, and to everybody else as ever', () => {
    const mqtt = setup();
    const [a, b, c] = sharing(mqtt, 'a', 'b', 'c') as [Wire, Wire, Wire];
    const alone = mqtt.connect({ clientId: 'alone' });
    alone.packets.next(subscribe('work/#'));
    const other = mqtt.connect({ clientId: 'other' });
    other.packets.next(subscribe('$share/another/work/#'));
    for (let n = 0; n < 6; n++) mqtt.app.emit('/mqtt/work/x', n);
    expect([a, b, c].map(texts)).toEqual([
      ['work/x 0', 'work/x 3'],
      ['work/x 1', 'work/x 4'],
      ['work/x 2', 'work/x 5'],
    ]);
    expect([alone, other].map((wire) => texts(wire).length)).toEqual([6, 6]);
  });

  it('give a message once and as it was published, also where its publisher shares', () => {
    const mqtt = setup();
    const wires = sharing(mqtt, 'a', 'b');
    const properties = { contentType: 'text/plain' };
    for (let n = 0; n < 4; n++) wires[0]?.packets.next(publish('work/x', `0${n}`, { properties }));
    expect(wires.map(texts)).toEqual([
      ['work/x 00', 'work/x 02'],
      ['work/x 01', 'work/x 03'],
    ]);
    expect(wires.map(last)).toMatchObject([{ properties }, { properties }]);
  });

  it('have both messages for a client that is subscribed for itself too', () => {
    const mqtt = setup();
    const [a] = sharing(mqtt, 'a') as [Wire];
    a.packets.next(subscribe('work/x'));
    mqtt.app.emit('/mqtt/work/x', 1);
    expect(texts(a)).toEqual(['work/x 1', 'work/x 1']);
  });

  it('begin without what is retained, and go on with what changes', () => {
    const mqtt = setup();
    mqtt.app.set('/mqtt/work/x', 1);
    const wires = sharing(mqtt, 'a', 'b');
    expect(wires.map(texts)).toEqual([[], []]);
    mqtt.app.set('/mqtt/work/x', 2);
    mqtt.app.set('/mqtt/work/x', 3);
    expect(wires.map(texts)).toEqual([['work/x 2'], ['work/x 3']]);
  });

  it('pass over who is away, and keep for one of them what nobody is there to take', () => {
    const mqtt = setup();
    const [a, b] = sharing(mqtt, 'a', 'b') as [Wire, Wire];
    a.packets.complete();
    mqtt.app.emit('/mqtt/work/x', 1);
    mqtt.app.emit('/mqtt/work/x', 2);
    expect(texts(b)).toEqual(['work/x 1', 'work/x 2']);
    b.packets.complete();
    for (let n = 3; n < 7; n++) mqtt.app.emit('/mqtt/work/x', n);
    const [one, two] = [texts(back(mqtt, 'a')), texts(back(mqtt, 'b'))];
    expect([one?.length, two?.length]).toEqual([2, 2 + 2]); // with the two that it has not confirmed
    expect([...one, ...two].sort()).toEqual([1, 2, 3, 4, 5, 6].map((n) => `work/x ${n}`));
  });

  it('go on with those who are left, whoever leaves', () => {
    const mqtt = setup();
    const [a, b, c] = sharing(mqtt, 'a', 'b', 'c') as [Wire, Wire, Wire];
    mqtt.app.emit('/mqtt/work/x', 0);
    a.packets.next({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [SHARED] });
    expect(last(a)).toMatchObject({ cmd: 'unsuback', granted: [0] });
    mqtt.app.emit('/mqtt/work/x', 1);
    c.packets.next({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    mqtt.app.emit('/mqtt/work/x', 2);
    mqtt.app.emit('/mqtt/work/x', 3);
    expect([a, b, c].map(texts)).toEqual([['work/x 0'], ['work/x 1', 'work/x 2', 'work/x 3'], []]);
  });

  it('give a client only what its scopes allow, and refuse one to whom they allow nothing of it', () => {
    const allowed: Record<string, string[]> = { a: ['read:/mqtt/work/a/**'], b: ['read:/mqtt/**'], c: ['read:/other'] };
    const mqtt = setup({ authenticate: (token) => ({ scopes: allowed[token ?? ''] ?? [] }) });
    const [a, b, c] = ['a', 'b', 'c'].map((clientId) => {
      const wire = mqtt.connect({ clientId, password: new TextEncoder().encode(clientId) });
      wire.packets.next(subscribe(SHARED));
      return wire;
    }) as [Wire, Wire, Wire];
    expect(last(c)).toMatchObject({ cmd: 'suback', granted: [0x87] });
    for (let n = 0; n < 4; n++) mqtt.app.emit('/mqtt/work/b/x', n);
    expect([a, b, c].map((wire) => texts(wire).length)).toEqual([0, 4, 0]);
    for (let n = 0; n < 4; n++) mqtt.app.emit('/mqtt/work/a/x', n);
    expect([a, b, c].map((wire) => texts(wire).length)).toEqual([2, 6, 0]);
  });

  it('are for names and filters that can be some, and not for what is not local', () => {
    const { connect } = setup();
    const client = connect();
    for (const filter of ['$share/g', '$share/g/', '$share//a', '$share/+/a', '$share/g/a/#/b']) {
      client.packets.next(subscribe(filter));
      expect(last(client)).toMatchObject({ cmd: 'suback', granted: [0x8f] });
    }
    const notLocal = { topic: SHARED, qos: 0, nl: true } as const;
    client.packets.next({ cmd: 'subscribe', messageId: 1, subscriptions: [notLocal] });
    expect(last(client)).toEqual({ cmd: 'disconnect', reasonCode: 0x82 });
  });

  it('have one participant at the relay, as long as anybody shares anything', () => {
    const relay = setup();
    const open: string[] = [];
    const join = (name: string) => {
      open.push(name);
      const client = relay.app;
      const close = () => void open.splice(open.indexOf(name), 1);
      return { ...client, on: client.on.bind(client), close };
    };
    const mqtt = setup({ join: join as never });
    const [a, b] = sharing(mqtt, 'a', 'b') as [Wire, Wire];
    expect(open).toEqual(['a', 'MQTT shared subscriptions', 'b']);
    b.packets.next(subscribe('$share/h/x'));
    expect(open.length).toBe(3);
    a.packets.next({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [SHARED] });
    b.packets.next({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [SHARED] });
    expect(open.length).toBe(3);
    b.packets.next({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['$share/h/x'] });
    expect(open).toEqual(['a', 'b']);
  });
});

describe('MqttShares, with a relay that takes its time', () => {
  const pattern = compilePattern('/mqtt/a');
  const subscription = { pattern, dollar: false, wish: { topic: '$share/g/a', qos: 2 }, id: undefined } as const;

  function slow() {
    let relay: Subscriber<Signal> | undefined;
    let synced: (() => void) | undefined;
    const on = (_: string, options: OnOptions) => {
      synced = options.synced;
      return new Observable<Signal>((out) => {
        relay = out;
      });
    };
    const shares = new MqttShares(() => ({ on, close: () => undefined }) as unknown as Client);
    const taken: Signal[] = [];
    const codes: number[] = [];
    const sharer = { scopes: ALL_SCOPES, connected: true, share: (signal: Signal) => taken.push(signal) };
    const join = () => shares.join('$share/g/a', subscription, sharer, (code) => codes.push(code));
    return { join, taken, codes, relay: () => relay as Subscriber<Signal>, synced: () => synced?.() };
  }

  it('grant what is asked for when the relay has answered, and pass over its snapshot', () => {
    const { join, taken, codes, relay, synced } = slow();
    join();
    relay().next({ kind: 'param', address: '/mqtt/a', value: 1, snapshot: true } as Signal);
    expect([taken, codes]).toEqual([[], []]);
    synced();
    join();
    expect(codes).toEqual([2, 2]);
    relay().next({ kind: 'event', address: '/mqtt/a', value: 2 } as Signal);
    expect(taken).toMatchObject([{ value: 2 }]);
  });

  it('say why, where the relay refuses, and ask again for the next one', () => {
    const { join, codes, relay } = slow();
    join();
    const first = relay();
    first.error(new ClaspError(ErrorCode.Overloaded, 'too many'));
    expect(codes).toEqual([0x97]);
    join();
    expect(relay()).not.toBe(first);
  });
});
