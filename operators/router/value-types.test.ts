import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeMaps } from '../../core/param/param-rules.ts';
import { MessageCode } from '../../core/wire/codes.ts';
import { Writer } from '../../core/wire/writer.ts';
import { virtualRelay } from '../../testing/virtual-relay.ts';
import type { RouterOptions } from './router.ts';

/** A value on the wire: code and body, in hexadecimal. */
type Wire = string;

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const u16 = (count: number) => count.toString(16).padStart(4, '0');
const str = (text: string) => hexOf(new Writer().str(text).finish());
const raw = (size: number) => fc.uint8Array({ minLength: size, maxLength: size }).map(hexOf);

const f32s = fc
  .float({ noNaN: true, noDefaultInfinity: true })
  .map((number) => hexOf(new Writer().f32(number).finish()));
const f64s = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((number) => hexOf(new Writer().f64(number).finish()));

/** Values of every code but null; `plain`: numbers are finite, and true is 1. */
function wires(plain: boolean): fc.Arbitrary<Wire> {
  const scalar = fc.oneof(
    (plain ? fc.constantFrom('00', '01') : raw(1)).map((body) => `01${body}`),
    raw(1).map((body) => `02${body}`),
    raw(2).map((body) => `03${body}`),
    raw(4).map((body) => `04${body}`),
    raw(8).map((body) => `05${body}`),
    fc.nat(100).map((small) => `05${small.toString(16).padStart(16, '0')}`),
    (plain ? f32s : fc.oneof(raw(4), fc.constantFrom('7fc00001', '7fa00001', 'ffc00000'))).map((body) => `06${body}`),
    (plain ? f64s : fc.oneof(raw(8), fc.constantFrom('7ff8000000000001', '7ff0000000000001'))).map(
      (body) => `07${body}`,
    ),
    fc.string({ unit: 'binary', maxLength: 8 }).map((text) => `08${str(text)}`),
    fc.uint8Array({ maxLength: 8 }).map((body) => `09${u16(body.length)}${hexOf(body)}`),
  );
  return fc.letrec<{ value: Wire }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(tie('value'), { maxLength: 3 }).map((items) => `0a${u16(items.length)}${items.join('')}`),
      fc
        .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', '__proto__'), tie('value')), { selector: ([key]) => key })
        .map((members) => `0b${u16(members.length)}${members.map(([key, item]) => str(key) + item).join('')}`),
    ),
  })).value;
}

const frame = (payload: string, qos = 0) => bytesOf(`53${['01', '41', '81'][qos]}${u16(payload.length / 2)}${payload}`);
const set = (address: string, wire: Wire) => `21${wire.slice(0, 2)}${str(address)}${wire.slice(2)}`;
const paramPublish = (address: string, wire: Wire) => `2000${str(address)}01${wire}`;
const bundle = (...parts: string[]) =>
  `3000${u16(parts.length)}${parts.map((part) => u16(part.length / 2) + part).join('')}`;

/** A relay, somebody who writes raw bytes, and what somebody else reads of an address. */
function stage(options: RouterOptions = {}) {
  const rig = virtualRelay(options);
  const desk = rig.join('desk');
  const join = () => {
    const peer = rig.connect();
    const frames: Uint8Array[] = [];
    peer.connection.incoming.subscribe((bytes) => frames.push(bytes.slice()));
    peer.hello('reader');
    return { peer, frames };
  };
  const live = join();
  live.peer.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**', types: ['param'] });
  live.frames.length = 0;
  /** Of the last frame of a type that names the address, what follows the address. */
  const after = (frames: readonly Uint8Array[], type: number, address: string) => {
    const hex = frames
      .map(hexOf)
      .reverse()
      .find((bytes) => bytes.startsWith(type.toString(16), 8) && bytes.includes(str(address)));
    return hex?.slice(hex.indexOf(str(address)) + str(address).length);
  };
  return {
    rig,
    desk,
    write: (payload: string, qos = 0) => desk.sendBytes(frame(payload, qos)),
    /** The value as it was broadcast: code and body, whose length has to be that of `wire`. */
    broadcast(address: string) {
      const hex = live.frames
        .map(hexOf)
        .reverse()
        .find((bytes) => bytes.includes(`21`, 8) && bytes.includes(str(address)));
      if (hex === undefined) return undefined;
      const at = hex.indexOf(str(address));
      return `0${hex[at - 1]}${hex.slice(at + str(address).length, -16)}`;
    },
    live: live.frames,
    /** What a GET, a SUBSCRIBE and a HELLO of a late joiner are told. */
    told(address: string) {
      const { peer, frames } = join();
      const greeted = after(frames, MessageCode.Snapshot, address);
      frames.length = 0;
      peer.send({ type: 'SUBSCRIBE', id: 1, pattern: address });
      const subscribed = after(frames, MessageCode.Snapshot, address);
      frames.length = 0;
      peer.send({ type: 'GET', address });
      return [greeted, subscribed, after(frames, MessageCode.Snapshot, address)];
    },
  };
}

describe('the type and bytes of a value', () => {
  it('are those that were written, in the broadcast and for whoever asks or joins later', () => {
    const ways: ((address: string, wire: Wire) => string)[] = [
      set,
      paramPublish,
      (address, wire) => bundle(set('/other', '0500000000000000ff'), set(address, wire)),
    ];
    fc.assert(
      fc.property(wires(false), fc.constantFrom(...ways), fc.nat(2), (wire, way, qos) => {
        const at = stage();
        at.write(way('/value', wire), qos);
        for (const answer of at.told('/value')) expect(answer?.slice(0, wire.length)).toBe(wire);
        expect(at.broadcast('/value')).toBe(wire);
        at.rig.stop();
      }),
    );
  });

  it('are those that were written under every strategy', () => {
    fc.assert(
      fc.property(wires(false), fc.constantFrom('lww' as const, 'max', 'min', 'lock', 'merge'), (wire, strategy) => {
        const at = stage({ params: [{ pattern: '/**', strategy }] });
        at.write(set('/value', wire));
        at.write(set('/value', wire));
        for (const answer of at.told('/value')) expect(answer?.slice(0, wire.length)).toBe(wire);
        at.rig.stop();
      }),
    );
  });

  it('stay so in a bundle that waits for its time', () => {
    const AA = '0500000000000000aa';
    const at = stage();
    at.write(
      `3080${u16(1)}${(1_000_000).toString(16).padStart(16, '0')}${u16(set('/late', AA).length / 2)}${set('/late', AA)}`,
      2,
    );
    at.rig.pass(1_001);
    expect(at.told('/late')[2]).toMatch(/^0500000000000000aa/);
  });

  it('an integer is one in the first answer too: SET 05 42, GET 05 42', () => {
    const at = stage();
    at.write(set('/answer', '05000000000000002a'));
    expect(at.told('/answer')[2]).toMatch(/^05000000000000002a0000000000000001/);
  });
});

describe('the type of a merged value', () => {
  const add = (current: unknown, written: unknown) => Number(current) + Number(written);
  it.each([
    ['05000000000000002a', '050000000000000001', '05000000000000002b', 'an integer'],
    ['0228', '0202', '022a', 'a byte'],
    ['027f', '0201', '074060000000000000', 'a number that does not fit a byte any more'],
    ['0300ff', '030001', '030100', 'a short'],
    ['040000ffff', '0400000001', '0400010000', 'an i32'],
    ['063f000000', '063f000000', '063f800000', 'an f32'],
    ['05000000000000002a', '073fe0000000000000', '074045400000000000', 'an integer and a fraction'],
  ])('%s and %s added give %s: %4$s', (current, written, sum) => {
    const at = stage({ params: [{ pattern: '/**', merge: add }] });
    at.write(set('/sum', current));
    at.write(set('/sum', written));
    expect(at.told('/sum')[2]?.slice(0, sum.length)).toBe(sum);
  });

  it('is that of the member it came from, however deep, where a function merged', () => {
    fc.assert(
      fc.property(wires(true), wires(true), (current, written) => {
        const merge = (old: Parameters<typeof mergeMaps>[0], given: typeof old) => mergeMaps(old, given);
        const [byFunction, byBytes] = [
          stage({ params: [{ pattern: '/**', merge: (old, given) => structuredClone(merge(old, given)) }] }),
          stage({ params: [{ pattern: '/**', strategy: 'merge' }] }),
        ];
        for (const at of [byFunction, byBytes]) {
          at.write(set('/m', current));
          at.write(set('/m', written));
        }
        expect(byFunction.told('/m')[2]).toBe(byBytes.told('/m')[2]);
        byFunction.rig.stop();
        byBytes.rig.stop();
      }),
    );
  });
});

describe('the values of a timeline', () => {
  const keyframe = (time: number, wire: Wire, easing?: string) =>
    `0b${u16(easing ? 3 : 2)}${str('time')}04${time.toString(16).padStart(8, '0')}${str('value')}${wire}` +
    (easing ? `${str('easing')}08${str(easing)}` : '');
  const timeline = (...keyframes: string[]) =>
    `2080${str('/cue')}010b0001${str('keyframes')}0a${u16(keyframes.length)}${keyframes.join('')}`;

  it('end in the type and bytes of the last keyframe, for every value code', () => {
    fc.assert(
      fc.property(wires(true), wires(true), fc.constantFrom(undefined, 'step', 'ease-in'), (first, last, easing) => {
        const at = stage();
        at.write(timeline(keyframe(0, first, easing), keyframe(100_000, last)));
        at.rig.pass(200);
        const answer = at.told('/cue')[2];
        expect(answer?.slice(0, last.length)).toBe(last);
        at.rig.stop();
      }),
    );
  });

  it('are that of the last keyframe also where the way there has come to the same number before', () => {
    const at = stage();
    const [before, last] = ['05001ffffffffffffe', '05001fffffffffffff'];
    at.write(timeline(keyframe(0, before), keyframe(100_000, last)));
    at.rig.pass(99);
    expect(at.told('/cue')[2]).toMatch(/^07433fffffffffffff/);
    at.rig.pass(2);
    expect(at.told('/cue')[2]).toMatch(new RegExp(`^${last}`));
  });

  it('are integers where they hold, and numbers on the way between two', () => {
    const at = stage();
    const whole = (value: number) => `05${value.toString(16).padStart(16, '0')}`;
    at.write(timeline(keyframe(0, whole(1), 'step'), keyframe(50_000, whole(2)), keyframe(150_000, whole(3))));
    at.rig.pass(200);
    const codes = at.live.map(hexOf).map((hex) => `0${hex[hex.indexOf(str('/cue')) - 1]}`);
    expect(codes[0]).toBe('05');
    expect(codes[1]).toBe('05');
    expect(codes.at(-1)).toBe('05');
    expect(new Set(codes.slice(2, -1))).toEqual(new Set(['07']));
    expect(at.told('/cue')[2]).toMatch(new RegExp(`^${whole(3)}`));
  });
});
