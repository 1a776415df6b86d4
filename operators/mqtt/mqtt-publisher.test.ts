import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MqttPacket } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { last, publish, setup, subscribe, texts, type Wire } from '../../peers/virtual-mqtt.ts';

// Whose a message is, where everybody says the same.

const step = fc.record({
  who: fc.constantFrom('a', 'b', 'app'),
  retain: fc.boolean(),
  topic: fc.constantFrom('lamp', 'door'),
  text: fc.constantFrom('ON', 'OFF'),
  qos: fc.constantFrom<0 | 1>(0, 1),
});

const noLocal: MqttPacket = {
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: [{ topic: '#', qos: 1, nl: true, rap: true }],
};

/** What a client was sent: topic, text, retained or not, and to whom to respond. */
const messages = ({ received }: Wire) =>
  received.flatMap((packet) =>
    packet.cmd === 'publish'
      ? [[packet.topic, new TextDecoder().decode(packet.payload), packet.retain, packet.properties?.responseTopic]]
      : [],
  );

describe('the publisher of an MQTT message', () => {
  it('is known: no local keeps back what a client said itself and nothing else, and what is asked stays with whom asked it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { app, connect } = setup();
        const wires = new Map([
          ['a', connect({ clientId: 'a', properties: { receiveMaximum: 1000 } })],
          ['b', connect({ clientId: 'b', properties: { receiveMaximum: 1000 } })],
        ]);
        for (const wire of wires.values()) wire.packets.next(noLocal);
        const expected = new Map<string, unknown[]>([
          ['a', []],
          ['b', []],
        ]);
        const kept = new Map<string, unknown[]>();
        for (const [n, { who, retain, topic, text, qos }] of steps.entries()) {
          const responseTopic = who === 'app' ? undefined : `answers/${who}/${n}`;
          const wire = wires.get(who);
          const more = { retain, qos, ...(qos > 0 && { messageId: n + 1 }), properties: { responseTopic } };
          if (wire) wire.packets.next(publish(topic, text, more as object));
          else if (retain) app.set(`/mqtt/${topic}`, text);
          else app.emit(`/mqtt/${topic}`, text);
          const message = [topic, text, retain, responseTopic];
          for (const [name, list] of expected) if (name !== who) list.push(message);
          if (retain) kept.set(topic, message);
        }
        for (const [name, wire] of wires) expect(messages(wire)).toEqual(expected.get(name));
        const late = connect({ clientId: 'late' });
        late.packets.next(subscribe('#'));
        expect(messages(late)).toEqual(expect.arrayContaining([...kept.values()]));
        expect(messages(late)).toHaveLength(kept.size);
      }),
    );
  });

  it('is not who said the same before: a command that another gives again arrives', () => {
    const { app, connect } = setup();
    const lamp = connect({ clientId: 'lamp' });
    lamp.packets.next(noLocal);
    lamp.packets.next(publish('lamp/set', 'ON', { properties: { responseTopic: 'r' } }));
    app.emit('/mqtt/lamp/set', 'ON');
    app.set('/mqtt/lamp', 'ON');
    lamp.packets.next(publish('lamp', 'ON', { retain: true }));
    app.set('/mqtt/lamp', 'ON');
    expect(texts(lamp)).toEqual(['lamp/set ON', 'lamp ON', 'lamp ON']);
    expect(lamp.received.some((packet) => packet.cmd === 'publish' && packet.properties?.responseTopic)).toBe(false);
  });

  it('hears nothing back where it is a bridge of 3.1.1, and the retain flag of what others say', () => {
    const { app, connect } = setup();
    const bridge = connect({ clientId: 'bridge', protocolVersion: 4, bridgeMode: true });
    bridge.packets.next(subscribe('#'));
    bridge.packets.next(publish('own', '1'));
    bridge.packets.next(publish('own', '1', { retain: true }));
    app.set('/mqtt/other', 1);
    expect(messages(bridge)).toEqual([['other', '1', true, undefined]]);
  });

  it('of 3.1.1 is cut off rather than confirmed where the relay has no room, and may say it again', () => {
    const { connect, failures } = setup();
    const large = 'x'.repeat(3 * 1024 * 1024);
    const filling = connect({ clientId: 'filling' });
    for (let n = 0; n < 21; n++) filling.packets.next(publish(`large/${n}`, large, { retain: true }));
    const login = { clientId: 'old', protocolVersion: 4, clean: false } as const;
    const message = (qos: 1 | 2) => publish('last', large, { retain: true, qos, messageId: 9 });
    for (const qos of [1, 2] as const) {
      const old = connect(login);
      old.packets.next(message(qos));
      expect(old.closed).toBe(true);
      expect(last(old)).toMatchObject({ cmd: 'connack' });
    }
    expect(failures.map(({ code }) => code)).toContain(503);
    filling.packets.next(publish('large/1', '', { retain: true }));
    const back = connect(login);
    back.packets.next(message(2));
    expect(last(back)).toMatchObject({ cmd: 'pubrec', messageId: 9 });
  });
});
