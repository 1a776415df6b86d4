import { Observable, type Subscriber, Subscription } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Client, OnOptions } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { MqttSubscribePacket } from '../../core/protocols/mqtt/mqtt-packet.ts';
import type { Param, Signal } from '../../core/signal/signal.ts';
import { MqttSubscriptions } from './mqtt-subscriptions.ts';

/** A relay that answers when it is told to. */
function setup(maxFilters = 10) {
  const asked: { pattern: string; out: Subscriber<Signal>; synced: () => void }[] = [];
  const left: string[] = [];
  const on = (pattern: string, { synced = () => undefined }: OnOptions = {}) =>
    new Observable<Signal>((out) => {
      asked.push({ pattern, out, synced });
      return () => left.push(pattern);
    });
  const told: string[] = [];
  const say = (kind: string) => (signal: Signal) => told.push(`${kind} ${signal.address} ${(signal as Param).value}`);
  const client = { on } as unknown as Client;
  const subscriptions = new MqttSubscriptions({
    client,
    namespace: '/mqtt',
    maxFilters,
    live: say('live'),
    retained: say('retained'),
    share: () => Subscription.EMPTY,
  });
  const subscribe = (...topics: string[]) => {
    const packet: MqttSubscribePacket = {
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: topics.map((topic) => ({ topic, qos: 1 })),
    };
    subscriptions.subscribe(packet, (granted) => told.push(`granted ${granted.join(' ')}`));
  };
  return { subscriptions, subscribe, asked, left, told };
}

const param = (address: string, value: number, snapshot = false): Param => ({
  kind: 'param',
  address,
  value,
  ...(snapshot && { snapshot }),
});

describe('MqttSubscriptions', () => {
  it('answers when the relay has answered for every filter, and sends what is retained after that', () => {
    const { subscribe, asked, told } = setup();
    subscribe('a', 'b/#', 'c+');
    asked[0]?.out.next(param('/mqtt/a', 1, true));
    asked[0]?.synced();
    expect(told).toEqual([]);
    asked[1]?.out.error(new ClaspError(ErrorCode.Forbidden, 'no'));
    expect(told).toEqual([`granted 1 ${0x87} ${0x8f}`, 'retained /mqtt/a 1']);
  });

  it('sends no retained value after a newer one', () => {
    const { subscribe, asked, told } = setup();
    subscribe('#');
    asked[0]?.out.next(param('/mqtt/a', 1, true));
    asked[0]?.out.next(param('/mqtt/b', 1, true));
    asked[0]?.out.next(param('/mqtt/a', 2));
    asked[0]?.synced();
    expect(told).toEqual(['live /mqtt/a 2', 'granted 1', 'retained /mqtt/b 1']);
  });

  it('hands on once what comes for several filters', () => {
    const { subscribe, asked, told } = setup();
    subscribe('#', 'a');
    for (const { synced } of asked) synced();
    const signal = param('/mqtt/a', 1);
    for (const { out } of asked) out.next(signal);
    for (const { out } of asked) out.next(param('/mqtt/a', 1));
    expect(told).toEqual(['granted 1 1', 'live /mqtt/a 1', 'live /mqtt/a 1', 'live /mqtt/a 1']);
  });

  it('asks anew for a filter that is known, and leaves the old one', () => {
    const { subscribe, asked, left, subscriptions } = setup();
    subscribe('a');
    asked[0]?.synced();
    subscribe('a');
    expect(left).toEqual(['/mqtt/a']);
    expect([asked.length, subscriptions.size]).toEqual([2, 1]);
    expect(subscriptions.unsubscribe('a')).toBe(true);
    expect(subscriptions.unsubscribe('a')).toBe(false);
  });

  it('answers for a filter that comes twice, or is given up before the relay has answered', () => {
    const { subscribe, asked, told, subscriptions } = setup();
    subscribe('a', 'a');
    asked[0]?.synced();
    asked[1]?.out.next(param('/mqtt/a', 1, true));
    asked[1]?.synced();
    expect(told).toEqual(['granted 1 1', 'retained /mqtt/a 1']);
    subscribe('b');
    asked[2]?.out.next(param('/mqtt/b', 1, true));
    subscriptions.unsubscribe('b');
    expect(told.slice(2)).toEqual(['granted 1']);
  });

  it('refuses more filters than it wants', () => {
    const { subscribe, asked, told } = setup(1);
    subscribe('a', 'b');
    asked[0]?.synced();
    expect(told).toEqual([`granted 1 ${0x97}`]);
  });
});
