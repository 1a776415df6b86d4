import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Value } from '../../core/signal/value.ts';
import { Writer } from '../../core/wire/writer.ts';
import { type Peer, ramp, rawTimeline, routerRig, setsOf, timelineOf } from '../../testing/router-rig.ts';

const SECOND = 1_000_000;
const valuesOf = (peer: Peer): Value[] => setsOf(peer).map(({ value }) => value);
const rig = routerRig();
beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe('a timeline that cannot be played', () => {
  it.each<[string, Value]>([
    [
      'keyframe 1: time 1 is before 5',
      {
        keyframes: [
          { time: 5, value: 0 },
          { time: 1, value: 0 },
        ],
      },
    ],
    ['keyframe 0: time NaN', { keyframes: [{ time: Number.NaN, value: 0 }] }],
    ['keyframe 0: its value', { keyframes: [{ time: 0, value: Number.NaN }] }],
    ['10000 keyframes', { keyframes: Array.from({ length: 10_000 }, () => null) }],
    ['a loop of zero length', { keyframes: [{ time: 0, value: 0 }], loop: true }],
    ['a list of keyframes', 7],
  ])('is refused with 400 (%s), changes nothing, and nobody else notices', (reason, value) => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(timelineOf(ramp));
    rig.pass(500);
    reader.take();
    desk.take();
    desk.send(rawTimeline(value), { qos: 1 });
    expect(desk.take()).toEqual([
      { type: 'ERROR', code: 400, address: '/fade', message: expect.stringContaining(reason) },
    ]);
    expect(reader.take()).toEqual([]);
    rig.pass(1_000);
    expect(valuesOf(reader).at(-1)).toBe(100);
  });

  it('because there are too many is refused with 429; one that replaces another is not', () => {
    rig.start({ maxTimelines: 2, maxKeyframes: 5 });
    const desk = rig.join();
    for (const address of ['/a', '/b', '/c', '/a']) desk.send(timelineOf(ramp, { address, loop: true }));
    expect(desk.take()).toEqual([expect.objectContaining({ code: 429, address: '/c' })]);
    desk.send(timelineOf([...ramp, ...ramp.map(({ value }) => ({ time: 2 * SECOND, value }))], { address: '/a' }));
    expect(desk.take()).toEqual([expect.objectContaining({ code: 429, address: '/a' })]);
    desk.send(timelineOf([], { address: '/b' }));
    desk.send(timelineOf(ramp, { address: '/c' }));
    expect(desk.take()).toEqual([]);
  });

  it('because its values are too large to be written ends, and its publisher is told', () => {
    const desk = rig.join();
    // Ten thousand small integers fit a frame twice; as they move they are f64, and do not.
    const many = (byte: number) =>
      new Writer()
        .u8(0x0a)
        .u16(10_000)
        .bytes(new Uint8Array(20_000).map((_, n) => (n % 2 ? byte : 2)));
    const payload = new Writer().u8(0x20).u8(0x80).str('/fade').u8(1).u8(0x0b).u16(1).str('keyframes').u8(0x0a).u16(2);
    for (const [index, values] of [many(1), many(2)].entries()) {
      payload
        .u8(0x0b)
        .u16(2)
        .str('time')
        .u8(0x04)
        .i32(index * SECOND)
        .str('value')
        .bytes(values.finish());
    }
    desk.sendBytes(new Writer().u8(0x53).u8(0x81).u16(payload.length).bytes(payload.finish()).finish());
    expect(desk.take()).toEqual([{ type: 'ACK', address: '/fade' }]);
    rig.pass(100);
    expect(desk.take()).toEqual([expect.objectContaining({ type: 'ERROR', address: '/fade', code: 402 })]);
    rig.pass(2_000);
    expect(desk.take()).toEqual([]);
    desk.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**', types: ['event'] });
    desk.send({ type: 'GET', address: '/fade' });
    expect(desk.take()).toEqual([{ type: 'SNAPSHOT', params: [expect.objectContaining({ revision: 1 })] }]);
  });
});

describe('very many timelines', () => {
  it('a start in the year 3000 waits without keeping the relay busy', () => {
    rig.join().send(timelineOf(ramp, { startTime: 32_503_680_000 * SECOND }));
    rig.pass(1);
    expect(rig.time.actions.filter(({ delay }) => delay < 1_000).length).toBe(0);
    rig.pass(3 * 0x7fff_ffff);
    expect(rig.relay.stats().params).toBe(0);
  });

  it('use one timer', () => {
    const desk = rig.join();
    const before = rig.time.actions.length;
    for (let n = 0; n < 100; n++) {
      desk.send(timelineOf(ramp, { address: `/t/${n}`, startTime: n * 1000 }));
    }
    expect(rig.time.actions.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(before + 1);
  });

  it('that started one after the other write together, at the rate', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    for (let n = 0; n < 100; n++) {
      desk.send(timelineOf(ramp, { address: `/t/${n}`, loop: true }));
      rig.pass(3);
    }
    reader.take();
    const moments = new Set<number>();
    for (let n = 0; n < 900; n++) {
      rig.pass(1);
      // At the end of a round its value steps back, at the moment of that.
      if (setsOf(reader).some(({ value }) => value !== 0)) moments.add(rig.time.frame);
    }
    expect(moments.size).toBeGreaterThan(50);
    expect(moments.size).toBeLessThanOrEqual(55);
  });

  it('let others have their turn while they all write', () => {
    rig.start({ timelineRate: 1 });
    const desk = rig.join();
    for (let n = 0; n < 5_000; n++) desk.send(timelineOf(ramp, { address: `/t/${n}`, startTime: SECOND }));
    let most = 0;
    let before = 0;
    const ask = () => {
      const { params } = rig.relay.stats();
      most = Math.max(most, params - before);
      before = params;
      if (params < 5_000) rig.time.schedule(ask, 0);
    };
    rig.time.schedule(ask, 1_000);
    rig.pass(1_000);
    expect(before).toBe(5_000);
    expect(most).toBeLessThanOrEqual(1_000);
  });
});
