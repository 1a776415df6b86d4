import fc from 'fast-check';
import { BehaviorSubject, NEVER, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { MqttPacket } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { MqttDelivery, type MqttOutgoing } from './mqtt-delivery.ts';
import type { MqttPeer } from './mqtt-peer.ts';

const message = (qos: 0 | 1 | 2, n: number): MqttOutgoing => ({
  topic: `t/${qos}`,
  payload: Uint8Array.of(n >> 8, n & 255),
  qos,
  retain: false,
  conflate: false,
  properties: undefined,
  expires: Number.POSITIVE_INFINITY,
});

/** A client that keeps what MQTT asks of it, over a wire that can lose everything that is on it. */
class Receiver {
  /** What it made of the messages, per QoS. */
  readonly got: number[][] = [[], [], []];
  readonly #held = new Set<number>();
  wire: MqttPacket[] = [];
  readonly saturated = new BehaviorSubject(false);

  peer(): MqttPeer {
    this.wire = [];
    const send = (packet: MqttPacket) => {
      this.wire.push(packet);
      return true;
    };
    return { peer: 'test', packets: NEVER, saturated: this.saturated, send, close: () => undefined };
  }

  /** Takes the oldest packet on the wire, and answers. */
  take(delivery: MqttDelivery, answers: boolean): void {
    const packet = this.wire.shift();
    if (packet?.cmd === 'publish') {
      const { qos, messageId = 0, payload } = packet;
      const n = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
      if (qos < 2 || !this.#held.has(messageId)) this.got[qos]?.push(n);
      if (qos === 2) this.#held.add(messageId);
      if (qos > 0 && answers) delivery.confirmed({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId });
    } else if (packet?.cmd === 'pubrel') {
      this.#held.delete(packet.messageId);
      if (answers) delivery.confirmed({ cmd: 'pubcomp', messageId: packet.messageId });
    }
  }
}

const isUnconfirmed = (packet: MqttPacket) => packet.cmd === 'publish' && packet.qos > 0;
const idOf = (packet: MqttPacket) => ('messageId' in packet ? packet.messageId : undefined);

const LIMITS = { version: 5, window: 3, maxPacket: Number.POSITIVE_INFINITY, maxAliases: 0 } as const;

describe('MqttDelivery', () => {
  it('delivers in order, QoS 1 at least once and QoS 2 once, however often the wire is cut', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('send 0', 'send 1', 'send 2') },
      { weight: 6, arbitrary: fc.constant('take') },
      { weight: 1, arbitrary: fc.constantFrom('lost answer', 'cut', 'lag', 'go on') },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const receiver = new Receiver();
        const options = { scheduler: new VirtualTimeScheduler(), maxQueued: 1_000 };
        const delivery = new MqttDelivery({ ...options, overflow: () => undefined, dropped: () => undefined });
        const sent: number[][] = [[], [], []];
        let n = 0;
        delivery.attach(receiver.peer(), LIMITS);
        let cuts = 0;
        const cut = () => {
          delivery.detach();
          // The client may want less than before.
          delivery.attach(receiver.peer(), { ...LIMITS, window: [1, 3, 2][cuts++ % 3] as number });
        };
        for (const what of steps) {
          expect(new Set(receiver.wire.filter(isUnconfirmed).map(idOf)).size).toBeLessThanOrEqual(3);
          if (what === 'take') receiver.take(delivery, true);
          else if (what === 'lost answer') {
            receiver.take(delivery, false);
            cut();
          } else if (what === 'cut') cut();
          else if (what === 'lag') receiver.saturated.next(true);
          else if (what === 'go on') receiver.saturated.next(false);
          else {
            const qos = Number(what.at(-1)) as 0 | 1 | 2;
            sent[qos]?.push(++n);
            delivery.offer(message(qos, n));
          }
        }
        receiver.saturated.next(false);
        while (receiver.wire.length > 0) receiver.take(delivery, true);

        expect(delivery.size).toBe(0);
        expect(receiver.got[2]).toEqual(sent[2]);
        // Of those that came twice, what counts is when they came first.
        expect([...new Set(receiver.got[1])]).toEqual(sent[1]);
        expect(sent[0]).toEqual(expect.arrayContaining(receiver.got[0] ?? []));
      }),
    );
  });

  it('repeats no more at a time than a client takes that takes less than before', () => {
    const receiver = new Receiver();
    const options = { scheduler: new VirtualTimeScheduler(), maxQueued: 1_000 };
    const delivery = new MqttDelivery({ ...options, overflow: () => undefined, dropped: () => undefined });
    delivery.attach(receiver.peer(), { ...LIMITS, window: 10 });
    for (let n = 0; n < 8; n++) delivery.offer(message(2, n));
    expect(receiver.wire.length).toBe(8);
    delivery.detach();
    delivery.attach(receiver.peer(), { ...LIMITS, window: 2 });
    delivery.offer(message(2, 8));
    expect(receiver.wire.length).toBe(2);
    while (receiver.wire.length > 0) {
      expect(receiver.wire.length).toBeLessThanOrEqual(2);
      receiver.take(delivery, true);
    }
    expect(receiver.got[2]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('keeps the newest value of so many params, and of so many bytes, for a client that is away', () => {
    const param = (topic: number, n: number, length = 2): MqttOutgoing => ({
      ...message(1, n),
      topic: `p/${topic}`,
      payload: new Uint8Array(length).fill(n & 255, 1, 2),
      conflate: true,
    });
    const away = (maxQueued: number) => {
      const dropped: string[] = [];
      const tell = (topic: string, why: string) => dropped.push(`${topic} ${why}`);
      const overflow = () => dropped.push('overflow');
      return {
        dropped,
        delivery: new MqttDelivery({ scheduler: new VirtualTimeScheduler(), maxQueued, overflow, dropped: tell }),
      };
    };
    const heard = (delivery: MqttDelivery) => {
      const receiver = new Receiver();
      delivery.attach(receiver.peer(), LIMITS);
      while (receiver.wire.length > 0) receiver.take(delivery, true);
      return receiver.got[1];
    };
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.boolean()), { maxLength: 60 }), (offers) => {
        const { delivery, dropped } = away(4);
        const waiting = new Map<string, number>();
        let lost = 0;
        for (const [n, [topic, isParam]] of offers.entries()) {
          delivery.offer(isParam ? param(topic, n) : message(1, n));
          waiting.set(isParam ? `p/${topic}` : `t/${n}`, n);
          const alike = [...waiting.keys()].filter((key) => key.startsWith('p') === isParam);
          if (alike.length > 4) {
            waiting.delete(alike[0] as string);
            lost++;
          }
        }
        expect(delivery.size).toBe(waiting.size);
        expect(dropped.length).toBe(lost);
        expect(heard(delivery)).toEqual([...waiting.values()]);
      }),
    );

    const { delivery, dropped } = away(100);
    const half = 4 * 1024 * 1024;
    for (const [n, length] of [half, half, 2, half - 2].entries()) delivery.offer(param(n, n, length));
    expect(dropped).toEqual(['p/0 too many wait already']);
    delivery.offer(param(3, 4));
    delivery.offer(param(4, 5, half - 4));
    expect(dropped).toHaveLength(1);
    expect(heard(delivery)).toEqual([1, 2, 4, 5]);
  });

  it('counts what is said beside the payload as what waits', () => {
    const dropped: string[] = [];
    const tell = (topic: string) => dropped.push(topic);
    const overflow = () => undefined;
    const options = { scheduler: new VirtualTimeScheduler(), maxQueued: 1000, overflow, dropped: tell };
    const delivery = new MqttDelivery(options);
    const properties = { userProperties: { a: ['x'.repeat(60_000), 'y'.repeat(60_000)] }, contentType: 'text' };
    for (let n = 0; n < 60; n++) {
      delivery.offer({ ...message(1, n), topic: `e/${n}`, properties });
      delivery.offer({ ...message(1, n), topic: `p/${n}`, properties, conflate: true });
    }
    expect(dropped.filter((topic) => topic.startsWith('e')).length).toBeGreaterThan(20);
    expect(dropped.filter((topic) => topic.startsWith('p')).length).toBeGreaterThan(20);
    delivery.attach(new Receiver().peer(), { ...LIMITS, window: 1000 });
    delivery.detach();
    for (let n = 0; n < 30; n++) delivery.offer({ ...message(1, n), topic: `q/${n}`, conflate: true });
    // Nothing of what was sent counts any more.
    expect(dropped.filter((topic) => topic.startsWith('q'))).toEqual([]);
  });

  it('holds all params for a client that is there, and no longer when one more comes while it is away', () => {
    const dropped: string[] = [];
    const delivery = new MqttDelivery({
      scheduler: new VirtualTimeScheduler(),
      maxQueued: 4,
      overflow: () => dropped.push('overflow'),
      dropped: (topic) => dropped.push(topic),
    });
    const receiver = new Receiver();
    receiver.saturated.next(true);
    delivery.attach(receiver.peer(), LIMITS);
    const offer = (n: number) => delivery.offer({ ...message(1, n), topic: `p/${n}`, conflate: true });
    for (let n = 0; n < 6; n++) offer(n);
    delivery.detach();
    expect(delivery.size).toBe(6);
    expect(dropped).toEqual([]);
    offer(6);
    expect(dropped).toEqual(['p/0', 'p/1', 'p/2']);
    expect(delivery.size).toBe(4);
  });

  it('keeps the order within a topic, whatever of it waits and is replaced', () => {
    const step = fc.oneof(
      fc.record({ topic: fc.constantFrom('a', 'b'), conflate: fc.boolean(), qos: fc.constantFrom<0 | 1 | 2>(0, 1, 2) }),
      fc.constant('confirm' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (steps, window) => {
        const options = { scheduler: new VirtualTimeScheduler(), maxQueued: 1_000 };
        const delivery = new MqttDelivery({ ...options, overflow: () => undefined, dropped: () => undefined });
        const receiver = new Receiver();
        const sent: { topic: string; n: number }[] = [];
        const newest = new Map<string, number>();
        delivery.attach(receiver.peer(), { ...LIMITS, window });
        const take = () => {
          const packet = receiver.wire[0];
          if (packet?.cmd === 'publish') sent.push({ topic: packet.topic, n: packet.payload[1] ?? 0 });
          receiver.take(delivery, true);
        };
        for (const [n, each] of steps.entries()) {
          if (each === 'confirm') {
            take();
            continue;
          }
          newest.set(each.topic, n);
          delivery.offer({ ...message(each.qos, n), ...each });
        }
        while (receiver.wire.length > 0) take();
        for (const topic of ['a', 'b']) {
          const seen = sent.filter((one) => one.topic === topic).map(({ n }) => n);
          expect(seen).toEqual([...seen].sort((one, other) => one - other));
          expect(seen.at(-1)).toBe(newest.get(topic));
        }
        const events = steps.flatMap((each, n) => (each !== 'confirm' && !each.conflate ? [n] : []));
        expect(sent.map(({ n }) => n)).toEqual(expect.arrayContaining(events));
      }),
    );
  });

  it('gives every packet on its way an id of its own', () => {
    const receiver = new Receiver();
    const options = { scheduler: new VirtualTimeScheduler(), maxQueued: 1_000 };
    const delivery = new MqttDelivery({ ...options, overflow: () => undefined, dropped: () => undefined });
    delivery.attach(receiver.peer(), { ...LIMITS, window: 50 });
    for (let n = 0; n < 70_000; n++) {
      delivery.offer(message(1, n));
      if (n >= 50) receiver.take(delivery, true);
    }
    const ids = receiver.wire.map((packet) => (packet.cmd === 'publish' ? packet.messageId : undefined));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain(0);
  });
});
