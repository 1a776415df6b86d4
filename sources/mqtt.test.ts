import { Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { MqttMessage } from '../core/protocols/mqtt/mqtt.ts';
import { MqttMemory } from '../core/protocols/mqtt/mqtt-memory.ts';
import { type MqttSourceOptions, mqttSource } from './mqtt.ts';

function setup(options: MqttSourceOptions = {}) {
  const scheduler = new VirtualTimeScheduler();
  const memory = new MqttMemory();
  const messages = new Subject<MqttMessage>();
  const source = mqttSource(messages, { scheduler, memory, ...options });
  const seen: unknown[][] = [];
  const failures: number[] = [];
  let ended = false;
  source.failures.subscribe(({ code }) => failures.push(code));
  source.subscribe({
    next: (signal) => seen.push([signal.kind, signal.address, 'value' in signal ? signal.value : undefined]),
    complete: () => {
      ended = true;
    },
  });
  const say = (topic: string, text: string, retain = false) =>
    messages.next({ topic, payload: new TextEncoder().encode(text), retain, qos: 0 });
  return { messages, memory, seen, failures, say, ended: () => ended };
}

describe('mqttSource', () => {
  it('makes params of what is retained and events of the rest, in order', () => {
    const { say, seen, messages, ended } = setup();
    say('a', '1.5', true);
    say('a', '1.5');
    say('a', '', true);
    messages.complete();
    expect(seen).toEqual([
      ['param', '/mqtt/a', 1.5],
      ['event', '/mqtt/a', 1.5],
      ['param', '/mqtt/a', null],
    ]);
    expect(ended()).toBe(true);
  });

  it('takes a retained null as a value, and only an empty payload as the end', () => {
    const { say, seen } = setup({ params: ['state'] });
    say('a', 'null', true);
    say('a', ' null ', true);
    say('state', 'null');
    say('b', 'null');
    say('a', '', true);
    expect(seen).toEqual([
      ['param', '/mqtt/a', 'null'],
      ['param', '/mqtt/a', ' null '],
      ['param', '/mqtt/state', 'null'],
      ['event', '/mqtt/b', null],
      ['param', '/mqtt/a', null],
    ]);
  });

  it('says who brought it in', () => {
    const messages = new Subject<MqttMessage>();
    const origins: unknown[] = [];
    mqttSource(messages, { name: 'broker' }).subscribe(({ origin }) => origins.push(origin));
    messages.next({ topic: 'a', payload: new Uint8Array(0), retain: false, qos: 0 });
    expect(origins).toEqual(['broker']);
  });

  it('counts topics without an address, and goes on', () => {
    const { say, seen, failures } = setup();
    say(Array(70).fill('a').join('/'), '1');
    say('b', '1');
    expect(failures).toEqual([200]);
    expect(seen.length).toBe(1);
  });

  it('takes what comes at the topics it is told of for params', () => {
    const { say, seen } = setup({ params: ['tele/+/STATE'], namespace: '' });
    say('tele/plug/STATE', 'ON');
    say('tele/plug/OTHER', 'ON');
    expect(seen).toEqual([
      ['param', '/tele/plug/STATE', 'ON'],
      ['event', '/tele/plug/OTHER', 'ON'],
    ]);
  });

  it('knows a topic as retained where the broker does not say so again, until it is emptied', () => {
    const { say, seen } = setup({ retainAsPublished: false });
    say('a', 'x');
    say('a', '1', true);
    say('a', '2');
    say('a', '');
    say('a', 'x');
    expect(seen).toEqual([
      ['event', '/mqtt/a', 'x'],
      ['param', '/mqtt/a', 1n],
      ['param', '/mqtt/a', 2n],
      ['param', '/mqtt/a', null],
      ['event', '/mqtt/a', 'x'],
    ]);
  });

  it('leaves out what the relay itself said', () => {
    const { say, seen, memory } = setup();
    memory.relaySaid('/mqtt/a', 5, true, 0);
    say('a', '5', true);
    say('a', '6', true);
    expect(seen).toEqual([['param', '/mqtt/a', 6n]]);
  });

  it('leaves out the end of a param that the relay has ended, though a broker of 3.1.1 does not call it retained', () => {
    const { say, seen, memory } = setup({ retainAsPublished: false });
    memory.relaySaid('/mqtt/a', 1n, true, 0);
    memory.relaySaid('/mqtt/a', null, true, 0);
    say('a', '1');
    say('a', '');
    expect(seen).toEqual([]);
  });

  it('leaves out an event that the relay said once, and none of somebody else', () => {
    const { say, seen, memory } = setup({ retainAsPublished: false });
    memory.relaySaid('/mqtt/go', 'x', false, 0);
    say('go', 'y');
    for (let time = 0; time < 3; time++) say('go', 'x');
    expect(seen.map(([, , value]) => value)).toEqual(['y', 'x', 'x']);
  });
});
