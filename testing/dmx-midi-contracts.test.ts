import { Subject } from 'rxjs';
import { describe, it } from 'vitest';
import type { Datagram } from '../core/connection/datagram.ts';
import { ClaspError } from '../core/errors.ts';
import { encodeArtDmx, parseArtNet } from '../core/protocols/artnet/artnet.ts';
import type { MqttMessage } from '../core/protocols/mqtt/mqtt.ts';
import { artNetSink } from '../sinks/artnet.ts';
import { midiSink } from '../sinks/midi.ts';
import { artNetSource } from '../sources/artnet.ts';
import { mqttSource } from '../sources/mqtt.ts';
import { sinkContract } from './sink-contract.ts';
import { sourceContract } from './source-contract.ts';

sourceContract(
  'artNetSource',
  () => {
    const packets = new Subject<Datagram>();
    const source = artNetSource(packets);
    const send = (bytes: Uint8Array) => packets.next({ bytes, from: '10.0.0.7:6454' });
    return {
      source,
      failures: source.failures,
      opened: () => (packets.observed ? 1 : 0),
      say: (n) => {
        send(encodeArtDmx({ universe: n, levels: Uint8Array.of(n + 1) }));
        return { address: `/artnet/${n}/1`, kind: 'param', value: BigInt(n + 1) };
      },
      babble: () => send(Uint8Array.of(65, 114, 116)),
      end: () => packets.complete(),
      fail: () => packets.error(new ClaspError(500, 'the port is gone')),
    };
  },
  { describe, it, again: false },
);

sourceContract(
  'mqttSource',
  () => {
    const messages = new Subject<MqttMessage>();
    const source = mqttSource(messages);
    return {
      source,
      opened: () => (messages.observed ? 1 : 0),
      say: (n) => {
        messages.next({ topic: `fader/${n}`, payload: new TextEncoder().encode(`${n}.5`), retain: true, qos: 1 });
        return { address: `/mqtt/fader/${n}`, kind: 'param', value: n + 0.5 };
      },
      babble: () => messages.next({ topic: '/', payload: Uint8Array.of(0xff), retain: false, qos: 0 }),
      end: () => messages.complete(),
      fail: () => messages.error(new ClaspError(502, 'the broker is gone')),
    };
  },
  { describe, it, again: false },
);

sinkContract(
  'artNetSink',
  () => {
    const effects: string[] = [];
    const levels = new Map<number, string>();
    const send = (bytes: Uint8Array) => {
      const packet = parseArtNet(bytes);
      if (!('levels' in packet)) return;
      for (const [index, level] of packet.levels.entries()) {
        const effect = `${packet.universe}/${index + 1} ${level}`;
        if (level > 0 && levels.get(packet.universe) !== effect) effects.push(effect);
        if (level > 0) levels.set(packet.universe, effect);
      }
    };
    return {
      sink: artNetSink(send, { targets: ['10.0.0.1:6454'], keepAlive: 20 }),
      effects: () => effects,
      carried: (n) => ({
        signal: { kind: 'param', address: `/artnet/${n}/1`, value: n + 10 },
        effect: `${n}/1 ${n + 10}`,
      }),
      refused: { kind: 'param', address: '/artnet/0/513', value: 1 },
    };
  },
  // What a DatagramSocket cannot send it tells of itself; it never throws.
  { describe, it, each: false, settle: 60, breaks: false },
);

sinkContract(
  'midiSink',
  () => {
    const effects: string[] = [];
    let broken = false;
    return {
      sink: midiSink({
        send: (message) => {
          if (broken) throw new Error('unplugged');
          effects.push([...message].join(' '));
        },
      }),
      effects: () => effects,
      carried: (n) => ({
        signal: { kind: 'param', address: `/midi/ch/1/cc/${n + 64}`, value: n / 127 },
        effect: `176 ${n + 64} ${n}`,
      }),
      refused: { kind: 'param', address: '/midi/ch/1/cc/64', value: 'loud' },
      breakDevice: () => {
        broken = true;
      },
    };
  },
  { describe, it },
);
