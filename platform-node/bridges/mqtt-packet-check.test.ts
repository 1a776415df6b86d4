import fc from 'fast-check';
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../../core/errors.ts';
import { checkMqttPacket } from './mqtt-packet-check.ts';

type Version = 4 | 5;

const bytesOf = (packet: Packet, protocolVersion: Version): Buffer => generate(packet, { protocolVersion });

/** The reason code that a frame is refused with; `undefined` if it is let pass. */
function refusal(frame: Buffer, protocolVersion: Version): unknown {
  const reading = parser({ protocolVersion });
  let packet: Packet | undefined;
  reading.on('packet', (read) => {
    packet = read;
  });
  reading.parse(frame);
  if (!packet) throw new Error('the codec refuses it by itself');
  try {
    checkMqttPacket(packet, frame, protocolVersion);
  } catch (cause) {
    return cause instanceof ClaspError ? cause.value : cause;
  }
  return undefined;
}

const connect = (protocolVersion: Version, more: Partial<IConnectPacket> = {}): IConnectPacket => ({
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion,
  clientId: 'c',
  clean: true,
  keepalive: 9,
  ...more,
});
const publish = (properties: object): Packet => {
  const packet = { cmd: 'publish', topic: 'a', payload: 'x', qos: 0, dup: false, retain: false, properties } as const;
  return packet as Packet;
};
/** A frame with other bytes in the place of some, as many. */
const replaced = (frame: Buffer, from: string, to: string): Buffer =>
  Buffer.from(frame.toString('latin1').replace(from, to), 'latin1');

describe('checkMqttPacket', () => {
  it('lets pass every CONNECT that is right, whatever it has', () => {
    const text = fc.string({ maxLength: 300, unit: 'grapheme' }).filter((value) => !value.includes('\0'));
    const option = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const will = fc.record({
      topic: fc.constantFrom('w', 'will/of'),
      payload: text.map((value) => Buffer.from(value)),
      qos: fc.constantFrom(0, 1, 2),
      retain: fc.boolean(),
      properties: fc.record({ willDelayInterval: fc.nat(), contentType: text }, { requiredKeys: [] }),
    });
    const properties = fc.record(
      { sessionExpiryInterval: fc.nat(), userProperties: fc.constant({ a: ['b', 'c'], d: 'x'.repeat(200) }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.constantFrom<Version>(4, 5),
        text,
        option(text),
        option(text),
        option(will),
        option(properties),
        (version, clientId, username, secret, lastWill, more) => {
          const password = username === undefined ? undefined : secret; // the codec writes no other
          const packet = connect(version, {
            clientId,
            ...(username !== undefined && { username }),
            ...(password !== undefined && { password: Buffer.from(password) }),
            ...(lastWill && { will: version === 5 ? lastWill : { ...lastWill, properties: {} } }),
            ...(version === 5 && more && { properties: more }),
          } as object);
          expect(refusal(bytesOf(packet, version), version)).toBeUndefined();
        },
      ),
    );
  });

  it.each<Version>([4, 5])('refuses a CONNECT with a field that no flag announces, protocol %d', (version) => {
    const frame = bytesOf(connect(version, { username: 'user' }), version);
    const flags = frame.indexOf('MQTT') + 5;
    frame[flags] = (frame[flags] ?? 0) & 0x7f;
    expect(refusal(frame, version)).toBe(0x81);
  });

  it('refuses a password without a user name in 3.1.1, and takes it in 5', () => {
    for (const [version, answer] of [[4, 0x81] as const, [5, undefined] as const]) {
      const frame = bytesOf(connect(version, { username: '', password: Buffer.from('p') }), version);
      // Without the flag and the two bytes of an empty user name.
      const flags = frame.indexOf('MQTT') + 5;
      frame[flags] = (frame[flags] ?? 0) & 0x7f;
      const cut = frame.length - 5;
      const without = Buffer.concat([frame.subarray(0, cut), frame.subarray(cut + 2)]);
      without[1] = (without[1] ?? 0) - 2;
      expect(refusal(without, version)).toBe(answer);
    }
  });

  it('refuses text that is not UTF-8, or has U+0000 in it, wherever it stands', () => {
    const will = { topic: 'TEXT', payload: Buffer.from('x'), qos: 0, retain: false } as const;
    const packets: Packet[] = [
      connect(5, { clientId: 'TEXT' }),
      connect(5, { username: 'TEXT' }),
      connect(5, { will }),
      connect(5, { will: { ...will, topic: 'w', properties: { contentType: 'TEXT' } } }),
      publish({ contentType: 'TEXT' }),
      publish({ responseTopic: 'TEXT' }),
      publish({ userProperties: { TEXT: 'v' } }),
      publish({ userProperties: { k: ['v', 'TEXT'] } }),
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'TEXT', qos: 0 }] },
      { cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a', 'TEXT'] },
    ];
    for (const packet of packets) {
      const frame = bytesOf(packet, 5);
      expect(refusal(frame, 5)).toBeUndefined();
      expect(refusal(replaced(frame, 'TEXT', 'TE\xffT'), 5)).toBe(0x81);
      expect(refusal(replaced(frame, 'TEXT', 'TE\0T'), 5)).toBe(0x81);
    }
  });

  it('refuses text that is not UTF-8 beside a U+FFFD that is, and takes that alone', () => {
    const will = { topic: 'TEXT', payload: Buffer.from('\ufffd'), qos: 0, retain: false } as const;
    const properties = { contentType: '\ufffd', userProperties: { k: ['\ufffd', 'TEXT'] }, correlationData: 'x' };
    const packets: Packet[] = [
      connect(5, { clientId: '\ufffd', will }),
      connect(5, { clientId: '\ufffd', username: 'TEXT' }),
      connect(4, { clientId: '\ufffd', username: 'TEXT' }),
      publish({ ...properties, correlationData: Buffer.from('\ufffd'), messageExpiryInterval: 9 }),
      { cmd: 'subscribe', messageId: 1, subscriptions: ['\ufffd', 'TEXT'].map((topic) => ({ topic, qos: 0 })) },
      { cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['\ufffd', 'TEXT'] },
      { cmd: 'disconnect', reasonCode: 4, properties: { reasonString: '\ufffd', userProperties: { k: 'TEXT' } } },
      {
        cmd: 'puback',
        messageId: 1,
        reasonCode: 0,
        properties: { reasonString: 'TEXT', userProperties: { k: '\ufffd' } },
      },
    ];
    for (const packet of packets) {
      const version = packet.cmd === 'connect' && packet.protocolVersion === 4 ? 4 : 5;
      const frame = bytesOf(packet, version);
      expect(refusal(frame, version)).toBeUndefined();
      // As many bytes as the sign for it has.
      expect(refusal(replaced(frame, 'TEXT', '\xffEXT'), version)).toBe(0x81);
      expect(refusal(replaced(frame, 'TEXT', '\xed\xa0\x80T'), version)).toBe(0x81);
    }
  });

  it('refuses a will of QoS 3', () => {
    const will = { topic: 'w', payload: Buffer.from('x'), qos: 2, retain: false } as const;
    for (const version of [4, 5] as const) {
      const frame = bytesOf(connect(version, { will }), version);
      expect(refusal(frame, version)).toBeUndefined();
      const flags = frame.indexOf('MQTT') + 5;
      frame.writeUInt8(frame.readUInt8(flags) | 0x18, flags);
      expect(refusal(frame, version)).toBe(0x81);
    }
  });

  it('refuses a property in a packet that it does not belong to', () => {
    const will = { topic: 'w', payload: Buffer.from('x'), qos: 0, retain: false } as const;
    const packets = [
      publish({ willDelayInterval: 5 }),
      publish({ sessionExpiryInterval: 5 }),
      connect(5, { properties: { topicAlias: 1 } as object }),
      connect(5, { will: { ...will, properties: { sessionExpiryInterval: 1 } as object } }),
      { cmd: 'puback', messageId: 1, reasonCode: 0, properties: { contentType: 'x' } },
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }], properties: { contentType: 'x' } },
      { cmd: 'disconnect', reasonCode: 0, properties: { serverReference: 'elsewhere' } },
    ];
    for (const packet of packets) expect(refusal(bytesOf(packet as Packet, 5), 5)).toBe(0x81);
  });

  it('refuses a PUBLISH of MQTT 5 that ends where its properties begin', () => {
    const short = Buffer.from([0x30, 3, 0, 1, 0x61]);
    expect([refusal(short, 4), refusal(short, 5)]).toEqual([undefined, 0x81]);
    expect(refusal(Buffer.from([0x30, 4, 0, 1, 0x61, 0]), 5)).toBeUndefined();
    const confirmed = [0x32, 5, 0, 1, 0x61, 0, 9];
    expect([refusal(Buffer.from(confirmed), 4), refusal(Buffer.from(confirmed), 5)]).toEqual([undefined, 0x81]);
  });
});
