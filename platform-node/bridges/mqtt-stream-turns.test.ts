import { Duplex } from 'node:stream';
import fc from 'fast-check';
import * as codec from 'mqtt-packet';
import { generate, type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { RoundRobin } from '../../operators/round-robin.ts';
import { MqttStream } from './mqtt-stream.ts';

const connect = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'c', clean: true } as Packet;

describe('MqttStream in turns', () => {
  const publishes = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      generate({ cmd: 'publish', topic: `t/${i}`, payload: 'x', qos: 0, dup: false, retain: false }),
    );

  const rig = () => {
    let now = 0;
    let works: (() => void)[] = [];
    const clock = () => {
      now += 1_000;
      return now;
    };
    const stream = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
    const peer = new MqttStream(
      stream,
      'test',
      codec,
      1_000,
      new RoundRobin({ now: clock, later: (work) => works.push(work) }),
    );
    const found: string[] = [];
    peer.packets.subscribe({
      next: (packet) => found.push(packet.cmd === 'publish' ? packet.topic : packet.cmd),
      complete: () => found.push('completed'),
    });
    const turn = () => {
      const due = works;
      works = [];
      for (const work of due) work();
      return due.length > 0;
    };
    return { stream, found, turn };
  };

  it('reads a flood in portions, in order, takes nothing more meanwhile, and ends behind it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 6 }), (cuts) => {
        const { stream, found, turn } = rig();
        const bytes = Buffer.concat([generate(connect), ...publishes(100)]);
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length] as number;
          stream.emit('data', bytes.subarray(at, at + size));
          at += size;
        }
        expect(found.length).toBeLessThan(60);
        expect(stream.isPaused()).toBe(true);
        stream.emit('close');
        const before = found.length;
        turn();
        expect(found.length - before).toBeLessThan(30);
        while (turn());
        expect(found).toEqual(['connect', ...Array.from({ length: 100 }, (_, i) => `t/${i}`), 'completed']);
      }),
    );
  });
});
