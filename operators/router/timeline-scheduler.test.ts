import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Keyframe } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import type { Message, PublishMessage, SetMessage } from '../../core/wire/message.ts';
import { type Peer, ramp, rawTimeline, routerRig, setsOf, timelineOf } from '../../testing/router-rig.ts';

const SECOND = 1_000_000;
const set = (value: Value, rest: Partial<SetMessage> = {}): Message => ({
  type: 'SET',
  address: '/fade',
  value,
  ...rest,
});
const valuesOf = (peer: Peer): Value[] => setsOf(peer).map(({ value }) => value);
const published = (peer: Peer): PublishMessage[] =>
  peer.take().filter((message) => message.type === 'PUBLISH') as PublishMessage[];

const rig = routerRig();
beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe('a timeline', () => {
  it('is acknowledged, forwarded as it came except to its publisher, then played at 60 Hz to everybody', () => {
    const [desk, reader] = [rig.subscriber(), rig.subscriber()];
    desk.send(timelineOf(ramp), { qos: 2 });
    expect(desk.take()).toEqual([
      { type: 'ACK', address: '/fade' },
      { type: 'SET', address: '/fade', value: 0, revision: 1 },
    ]);
    expect(reader.take()).toEqual([
      expect.objectContaining({ type: 'PUBLISH', signal: 'timeline', value: { keyframes: ramp } }),
      { type: 'SET', address: '/fade', value: 0, revision: 1 },
    ]);
    rig.pass(1_500);
    const played = setsOf(reader);
    expect(played).toHaveLength(60);
    expect(played.map(({ revision }) => revision)).toEqual(Array.from({ length: 60 }, (_, n) => n + 2));
    expect(played[29]?.value).toBeCloseTo(50, 0);
    expect(played.at(-1)?.value).toBe(100);
    expect(setsOf(desk)).toHaveLength(60);
  });

  it('plays at the rate of the option', () => {
    rig.start({ timelineRate: 10 });
    const reader = rig.subscriber();
    rig.join().send(timelineOf(ramp));
    rig.pass(2_000);
    expect(valuesOf(reader)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  });

  it('starts at its startTime, or in the middle when that is over; all over means its last value at once', () => {
    rig.start({ timelineRate: 10 });
    const reader = rig.subscriber();
    const desk = rig.join();
    rig.pass(1_000);
    desk.send(timelineOf(ramp, { startTime: 2 * SECOND }));
    rig.pass(999);
    expect(setsOf(reader)).toEqual([]);
    rig.pass(1);
    expect(valuesOf(reader)).toEqual([0]);
    desk.send(timelineOf(ramp, { startTime: 1.75 * SECOND }));
    rig.pass(100);
    expect(valuesOf(reader)).toEqual([25, 35]);
    desk.send(timelineOf(ramp, { startTime: 0 }));
    rig.pass(1_000);
    expect(valuesOf(reader)).toEqual([100]);
  });

  it('writes at the ticks of the rate, which are the same for all, and exactly when it starts, steps and ends', () => {
    rig.start({ timelineRate: 10 });
    const reader = rig.subscriber();
    const desk = rig.join();
    const stairs: readonly Keyframe[] = ['low', 'middle', 'high'].map((value, n) => ({ time: n * 125_000, value }));
    rig.pass(1_020);
    desk.send(timelineOf(ramp, { address: '/ramp' }));
    rig.pass(13);
    desk.send(timelineOf(ramp.map(({ time, value }) => ({ time: time / 4, value }))));
    desk.send(timelineOf(stairs, { address: '/stairs' }));
    const seen: string[] = [];
    for (let at = 1_033; at <= 1_400; at++, rig.pass(1)) {
      for (const { address, value } of setsOf(reader)) {
        seen.push(`${at} ${address} ${typeof value === 'number' ? value.toFixed(1) : value}`);
      }
    }
    expect(seen.sort()).toEqual([
      '1033 /fade 0.0',
      '1033 /ramp 0.0',
      '1033 /stairs low',
      '1100 /fade 26.8',
      '1100 /ramp 8.0',
      '1158 /stairs middle',
      '1200 /fade 66.8',
      '1200 /ramp 18.0',
      '1283 /fade 100.0',
      '1283 /stairs high',
      '1300 /ramp 28.0',
      '1400 /ramp 38.0',
    ]);
  });

  it('writes nothing before its first keyframe, nor a value that has not changed', () => {
    rig.start({ timelineRate: 10 });
    const reader = rig.subscriber();
    const keyframes: Keyframe[] = [
      { time: SECOND, value: 'dark', easing: 'step' },
      { time: 2 * SECOND, value: 'bright' },
      { time: 3 * SECOND, value: 'bright' },
    ];
    rig.join().send(timelineOf(keyframes));
    rig.pass(999);
    expect(setsOf(reader)).toEqual([]);
    rig.pass(1);
    expect(valuesOf(reader)).toEqual(['dark']);
    rig.pass(10_000);
    expect(valuesOf(reader)).toEqual(['bright']);
  });

  it('loops if asked, until somebody writes', () => {
    rig.start({ timelineRate: 4 });
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(timelineOf(ramp, { loop: true }));
    rig.pass(2_000);
    expect(valuesOf(reader)).toEqual([0, 25, 50, 75, 0, 25, 50, 75, 0]);
    desk.send(set(7));
    rig.pass(5_000);
    expect(valuesOf(reader)).toEqual([7]);
  });

  it.each<[string, (desk: Peer, other: Peer) => void, Value[]]>([
    ['a write by anybody', (_, other) => other.send(set(7)), [7]],
    ['a write by its publisher', (desk) => desk.send(set(8)), [8]],
    ['the removal of the param', (_, other) => other.send(set(null)), [null]],
    ['one with no keyframes', (_, other) => other.send(timelineOf([])), []],
    ['another timeline', (_, other) => other.send(timelineOf([{ time: 0, value: 'new' }])), ['new']],
  ])('ends with %s', (_, end, after) => {
    const [desk, other, reader] = [rig.join(), rig.join(), rig.subscriber()];
    desk.send(timelineOf(ramp));
    rig.pass(500);
    reader.take();
    end(desk, other);
    rig.pass(5_000);
    expect(valuesOf(reader)).toEqual(after);
  });

  it('ends with a write also before it starts', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(timelineOf(ramp, { startTime: 3 * SECOND }));
    rig.pass(1_000);
    desk.send(set(7));
    rig.pass(5_000);
    expect(valuesOf(reader)).toEqual([7]);
  });

  it('does not end with a write that is refused', () => {
    const [desk, other, reader] = [rig.join(), rig.join(), rig.subscriber()];
    desk.send(set(0, { lock: true }));
    desk.send(timelineOf(ramp));
    rig.pass(500);
    other.send(set(7));
    expect(other.take()).toEqual([expect.objectContaining({ code: 401 })]);
    rig.pass(1_000);
    expect(valuesOf(reader).at(-1)).toBe(100);
  });

  it('respects the lock of somebody else: it ends, and its publisher is told once', () => {
    const [desk, other, reader] = [rig.join(), rig.join(), rig.subscriber()];
    other.send(set(1, { lock: true }));
    desk.send(timelineOf(ramp), { qos: 1 });
    rig.pass(1_000);
    expect(desk.take()).toEqual([
      { type: 'ACK', address: '/fade' },
      expect.objectContaining({ type: 'ERROR', code: 401, address: '/fade' }),
    ]);
    expect(valuesOf(reader)).toEqual([1]);
  });

  it('goes on without its publisher', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(timelineOf(ramp));
    rig.pass(500);
    desk.close();
    rig.pass(1_000);
    expect(valuesOf(reader).at(-1)).toBe(100);
  });

  it('without a value, as published clients send it, is forwarded, and says nothing about the one that plays', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(timelineOf(ramp));
    rig.pass(500);
    reader.take();
    desk.send(rawTimeline(undefined), { qos: 1 });
    desk.send(rawTimeline(null));
    expect(published(reader)).toHaveLength(2);
    expect(desk.take()).toEqual([{ type: 'ACK', address: '/fade' }]);
    rig.pass(1_000);
    expect(valuesOf(reader).at(-1)).toBe(100);
  });
});

describe('who subscribes while a timeline goes on', () => {
  it('gets it after the snapshot and before the ACK, with the time it started', () => {
    const desk = rig.join();
    rig.pass(200);
    desk.send(timelineOf(ramp));
    desk.send(timelineOf(ramp, { startTime: 9 * SECOND, address: '/later' }));
    rig.pass(100);
    for (const late of [rig.join(), desk]) {
      late.take();
      late.send({ type: 'SUBSCRIBE', id: 3, pattern: '/**' }, { qos: 1 });
      const late3 = late.take();
      expect(late3).toEqual([
        expect.objectContaining({ type: 'SNAPSHOT' }),
        expect.objectContaining({ address: '/fade', value: { keyframes: ramp, startTime: 200_000 } }),
        expect.objectContaining({ address: '/later', value: { keyframes: ramp, startTime: 9 * SECOND } }),
        expect.objectContaining({ type: 'ACK', correlationId: 3 }),
      ]);
    }
  });

  it('does not get one that is over, taken over, of another kind than asked for, or not to be read', () => {
    rig.start({ authenticate: (token) => ({ scopes: token ? ['write:/**'] : ['read:/public/**'] }) });
    const desk = rig.join('desk', 'x');
    desk.send(timelineOf(ramp, { address: '/over' }));
    rig.pass(1_000);
    desk.send(timelineOf(ramp));
    desk.send(set(1));
    desk.send(timelineOf(ramp, { address: '/secret', loop: true }));
    const guest = rig.join();
    guest.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    desk.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**', types: ['param'] });
    const late = rig.join('late', 'x');
    late.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    expect([guest, desk, late].map((peer) => published(peer).map(({ address }) => address))).toEqual([
      [],
      [],
      ['/secret'],
    ]);
  });
});
