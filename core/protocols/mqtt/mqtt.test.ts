import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAddress } from '../../address/address.ts';
import { matches } from '../../address/pattern.ts';
import { ClaspError } from '../../errors.ts';
import type { Value } from '../../signal/value.ts';
import { sameValue } from '../../signal/value.ts';
import { fromMqtt, toMqtt } from './mqtt.ts';
import { fromMqttPayload, toMqttPayload } from './mqtt-payload.ts';
import { fromMqttFilter, fromMqttTopic, mqttFilterMatches, toMqttFilter, toMqttTopic } from './mqtt-topic.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (payload: Uint8Array) => new TextDecoder().decode(payload);

/** Levels as they come, and those that are made of what the escapes are made of. */
const level = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '%', '2', '5', 'A', '*', '$', ' '), maxLength: 6 }),
  fc.string({ maxLength: 5 }).map((some) => some.replace(/[/+#\0]/g, '')),
);
const topics = fc
  .array(level, { minLength: 1, maxLength: 6 })
  .map((levels) => levels.join('/'))
  .filter((topic) => topic !== '');

describe('a topic', () => {
  it.each([
    ['sensors/temp', '/mqtt/sensors/temp'],
    ['/a', '/mqtt/%/a'],
    ['a//b/', '/mqtt/a/%/b/%'],
    ['a*b', '/mqtt/a%2Ab'],
    ['%', '/mqtt/%25'],
    ['100%', '/mqtt/100%'],
    ['a%2Ab', '/mqtt/a%252Ab'],
    ['$SYS/broker/uptime', '/mqtt/$SYS/broker/uptime'],
    ['ärger/温度', '/mqtt/ärger/温度'],
  ])('%s is at the address %s, and back', (topic, address) => {
    expect(fromMqttTopic(topic, '/mqtt')).toBe(address);
    expect(toMqttTopic(address, '/mqtt')).toBe(topic);
  });

  it('comes back from its address, whatever it is, and no two share one', () => {
    fc.assert(
      fc.property(topics, topics, fc.constantFrom('', '/mqtt', '/a/b'), (topic, other, namespace) => {
        const address = fromMqttTopic(topic, namespace);
        if (address === undefined) return;
        expect(isAddress(address)).toBe(true);
        expect(toMqttTopic(address, namespace)).toBe(topic);
        if (other !== topic) expect(fromMqttTopic(other, namespace)).not.toBe(address);
      }),
    );
  });

  it('has no address when it is empty, has a wildcard, a NUL or too many levels', () => {
    for (const topic of ['', 'a/+', '#', 'a\0', 'x'.repeat(1020), Array(64).fill('a').join('/')]) {
      expect(fromMqttTopic(topic, '/mqtt')).toBeUndefined();
    }
    expect(() => fromMqtt({ topic: 'a/#', payload: bytes('1'), retain: false, qos: 0 })).toThrow(/no CLASP address/);
  });

  it('is refused for an address that no topic has', () => {
    for (const address of ['/mqtt', '/mqttx/a', '/other/a', '/mqtt/a+b', '/mqtt/#', '/mqtt/a%25b', '/mqtt/%']) {
      expect(() => toMqttTopic(address, '/mqtt')).toThrow(ClaspError);
    }
  });
});

describe('a topic filter', () => {
  it.each([
    ['sensors/#', '/mqtt/sensors/**'],
    ['+/temp', '/mqtt/*/temp'],
    ['#', '/mqtt/**'],
    ['/+', '/mqtt/%/*'],
    ['a*/b', '/mqtt/a%2A/b'],
  ])('%s is the pattern %s', (filter, pattern) => {
    expect(fromMqttFilter(filter, '/mqtt')).toBe(pattern);
    expect(toMqttFilter(pattern, '/mqtt')).toBe(filter);
  });

  it.each(['', 'a+/b', 'a/#/b', 'a#', '#/', 'a\0'])('%j is refused with 202', (filter) => {
    expect(() => fromMqttFilter(filter, '/mqtt')).toThrow(expect.objectContaining({ code: 202 }));
  });

  it('matches the topics that its pattern matches by their addresses', () => {
    const filters = fc
      .tuple(fc.array(fc.constantFrom('a', 'b', '', '+', '%'), { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([levels, deep]) => [...levels, ...(deep ? ['#'] : [])].join('/'))
      .filter((filter) => filter !== '');
    const some = fc
      .array(fc.constantFrom('a', 'b', '', '%'), { minLength: 1, maxLength: 5 })
      .map((levels) => levels.join('/'))
      .filter((topic) => topic !== '');
    fc.assert(
      fc.property(filters, some, (filter, topic) => {
        const address = fromMqttTopic(topic, '/mqtt') as string;
        expect(matches(fromMqttFilter(filter, '/mqtt'), address)).toBe(mqttFilterMatches(filter, topic));
      }),
    );
  });

  it('finds topics that begin with $ only when it says so', () => {
    expect(mqttFilterMatches('#', '$SYS/a')).toBe(false);
    expect(mqttFilterMatches('+/a', '$SYS/a')).toBe(false);
    expect(mqttFilterMatches('$SYS/#', '$SYS/a')).toBe(true);
  });

  it('covers at least what a pattern matches', () => {
    expect(toMqttFilter('/mqtt/a/**/b', '/mqtt')).toBe('a/#');
    expect(toMqttFilter('/mqtt/led*/x', '/mqtt')).toBe('+/x');
  });
});

describe('a payload', () => {
  it.each<[string, Value]>([
    ['21.5', 21.5],
    [' 0.50', 0.5],
    ['.5', 0.5],
    ['-7', -7n],
    ['+7', 7n],
    ['9007199254740993', 9007199254740993n],
    ['18446744073709551616', 2 ** 64],
    ['1e3', 1000],
    ['true', true],
    ['false', false],
    ['null', null],
    ['{"a":[1,0.5]}', { a: [1n, 0.5] }],
    ['[]', []],
    ['{not JSON', '{not JSON'],
    ['"quoted"', '"quoted"'],
    ['ON', 'ON'],
    ['007', '007'],
    ['1e999', '1e999'],
    ['NaN', 'NaN'],
    ['0x10', '0x10'],
    ['', ''],
    ['1 2', '1 2'],
    [' padded ', ' padded '],
  ])('%j is read as it should be', (payload, value) => {
    expect(fromMqttPayload(bytes(payload))).toEqual(value);
  });

  it('is bytes when it is not UTF-8, and they are a copy', () => {
    const payload = new Uint8Array([0xff, 0, 1]);
    const value = fromMqttPayload(payload);
    payload.fill(7);
    expect(value).toEqual(new Uint8Array([0xff, 0, 1]));
  });

  it('of a list nested too deeply is text', () => {
    const deep = `${'['.repeat(40)}${']'.repeat(40)}`;
    expect(fromMqttPayload(bytes(deep))).toBe(deep);
  });

  it('comes back as the value it was made from, unless text looks like something else', () => {
    const { value } = fc.letrec<{ value: Value }>((tie) => ({
      value: fc.oneof(
        fc.constant(null),
        fc.boolean(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.string({ maxLength: 4 }), tie('value'), { maxKeys: 3 }).filter((map) => !('$bytes' in map)),
      ),
    }));
    fc.assert(fc.property(value, (some) => sameValue(fromMqttPayload(toMqttPayload(some)), some)));
  });

  it('survives being read and written, whatever bytes it has: it says the same again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (payload) => {
        const value = fromMqttPayload(payload);
        expect(sameValue(fromMqttPayload(toMqttPayload(value)), value)).toBe(true);
      }),
    );
  });
});

describe('a message', () => {
  it('is a param when it is retained, an event when not', () => {
    const message = { topic: 'sensors/temp', payload: bytes('21.5'), qos: 0 } as const;
    const address = '/mqtt/sensors/temp';
    expect(fromMqtt({ ...message, retain: true })).toEqual({ kind: 'param', address, value: 21.5 });
    expect(fromMqtt({ ...message, retain: false })).toEqual({ kind: 'event', address, value: 21.5 });
  });

  it('that is empty and retained is the end of the param, and back', () => {
    const none = new Uint8Array(0);
    expect(fromMqtt({ topic: 'a', payload: none, retain: true, qos: 0 })).toMatchObject({ kind: 'param', value: null });
    expect(fromMqtt({ topic: 'a', payload: none, retain: false, qos: 0 })).toMatchObject({ kind: 'event', value: '' });
    expect(toMqtt({ kind: 'param', address: '/mqtt/a', value: null })).toMatchObject({ payload: none, retain: true });
    expect(text(toMqtt({ kind: 'event', address: '/mqtt/a', value: null }).payload)).toBe('null');
  });

  it('is made of params, events and samples, and of nothing else', () => {
    const address = '/stage/a';
    const options = { namespace: '/stage', qos: 2 } as const;
    expect(toMqtt({ kind: 'param', address, value: true }, options)).toMatchObject({
      topic: 'a',
      retain: true,
      qos: 2,
    });
    expect(toMqtt({ kind: 'event', address, value: 1 }, options)).toMatchObject({ retain: false, qos: 2 });
    expect(toMqtt({ kind: 'stream', address, value: 1 }, options)).toMatchObject({ retain: false, qos: 0 });
    expect(() => toMqtt({ kind: 'gesture', address, value: 1, id: 1, phase: 'start' }, options)).toThrow(/no form/);
    expect(() => toMqtt({ kind: 'timeline', address, keyframes: [] }, options)).toThrow(/no form/);
  });
});
