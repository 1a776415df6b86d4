import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Value } from '../core/signal/value.ts';
import { decodeFrame, decodeMessage, encodeMessage, Writer } from '../core/wire/index.ts';
import type { BundleMessage, Message, PublishMessage } from '../core/wire/message.ts';
import { type CalmRelay, calmRelay, errorsOf, eventually } from '../peers/calm-relay.ts';
import { clock } from './clock.ts';

// Times, timelines, gestures and bundles that cannot be, on a real socket: each is answered with what is wrong and where,
// nothing of it happens, its session goes on, and a well-behaved client beside it notices nothing.

const SECOND = 1_000_000;
const YEAR_3000 = 32_503_680_000 * SECOND;

let rig: CalmRelay;
beforeEach(async () => {
  // Nothing here ends by silence.
  rig = await calmRelay({ gestureTimeout: 3_600_000 });
});
afterEach(() => rig.stopCalmly());

describe('a timeline on a real socket', () => {
  const timeline = (value: Value): PublishMessage => ({ type: 'PUBLISH', signal: 'timeline', address: '/fade', value });
  const ramp = {
    keyframes: [
      { time: 0, value: 0 },
      { time: SECOND / 5, value: 100 },
    ],
  };
  const frames = (...times: number[]) => ({ keyframes: times.map((time) => ({ time, value: time })) });

  it.each<[string, string, Value]>([
    ['whose keyframes are out of order', '/fade: keyframe 2: time 1000 is before 2000', frames(0, 2000, 1000)],
    ['with NaN as a time', '/fade: keyframe 1: time NaN is not a number', frames(0, Number.NaN)],
    ['with a negative time', '/fade: keyframe 0: time -1 is not a number of microseconds from 0', frames(-1, 0)],
    ['that is endless', '/fade: keyframe 1: time Infinity is not', frames(0, Number.POSITIVE_INFINITY)],
    [
      'with NaN as a value',
      '/fade: keyframe 0: its value holds a number that is not finite',
      { keyframes: [{ time: 0, value: [1, Number.NaN] }] },
    ],
    ['of 10 000 keyframes', '/fade: 10000 keyframes, at most 4096', { keyframes: new Array<null>(10_000).fill(null) }],
    ['that loops in no time', '/fade: a loop of zero length', { ...frames(0, 0), loop: true }],
    ['that starts before all time', '/fade: startTime -1 is no time', { ...ramp, startTime: -1 }],
    [
      'with an easing that there is not',
      'keyframe 0: unknown easing "bounce"',
      {
        keyframes: [{ time: 0, value: 0, easing: 'bounce' }],
      },
    ],
  ])('%s is refused with 400; the one that plays goes on to its end', async (_what, reason, value) => {
    const peer = await rig.join('rude');
    peer.send(timeline(ramp));
    const answers = await peer.answersTo(encodeMessage(timeline(value), { qos: 1 }));
    expect(answers).toEqual([{ type: 'ERROR', code: 400, address: '/fade', message: expect.stringContaining(reason) }]);
    await vi.waitFor(async () => expect(await rig.calm.get('/fade')).toBe(100), eventually);
    peer.socket.close();
  });
});

describe('a bundle on a real socket', () => {
  const set = (address: string, value: Value): Message => ({ type: 'SET', address, value });
  const part = (message: Message) => encodeMessage(message).subarray(4);
  /** A BUNDLE of parts as bytes, however wrong. */
  const bundleOf = (...parts: Uint8Array[]) => {
    const body = new Writer().u8(0x30).u8(0).u16(parts.length);
    for (const bytes of parts) body.u16(bytes.length).bytes(bytes);
    const payload = body.finish();
    return new Writer().u8(0x53).u8(0x81).u16(payload.length).bytes(payload).finish();
  };
  const unreadable = part(set('/part/2', 7));
  unreadable[1] = 0x0f; // a value code that there is not
  const nested = bundleOf(part(set('/part/2', 2))).subarray(4);

  it.each<[string, string, Uint8Array]>([
    ['in a bundle', 'a bundle in a bundle', bundleOf(part(set('/part/1', 1)), nested, part(set('/part/3', 3)))],
    ['with an unreadable part', 'unknown value code 0x0f', bundleOf(part(set('/part/1', 1)), unreadable)],
    [
      'with a part that is cut',
      'ends too early',
      bundleOf(part(set('/part/1', 1)), part(set('/part/2', 2)).subarray(0, 9)),
    ],
    [
      'with a part that is no write',
      'SET and PUBLISH, not GET',
      bundleOf(part(set('/part/1', 1)), part({ type: 'GET', address: '/part/2' })),
    ],
  ])('%s is refused with 101, and none of it is done', async (_what, reason, bytes) => {
    const peer = await rig.join('rude');
    const answers = await peer.answersTo(bytes);
    expect(errorsOf(answers)).toEqual([
      expect.objectContaining({ type: 'ERROR', code: 101, message: expect.stringContaining(reason) }),
    ]);
    expect(answers).toHaveLength(1);
    expect(await Promise.all(['/part/1', '/part/2', '/part/3'].map((address) => rig.calm.get(address)))).toEqual([
      null,
      null,
      null,
    ]);
    peer.socket.close();
  });

  it('for the year 3000 is refused with 400, and neither waits nor runs', async () => {
    const peer = await rig.join('rude');
    const bundle: BundleMessage = {
      type: 'BUNDLE',
      timestamp: YEAR_3000,
      messages: [set('/part/1', 1), set('/part/2', 2)],
    };
    const answers = await peer.answersTo(encodeMessage(bundle, { qos: 2 }));
    expect(answers).toEqual([
      { type: 'ERROR', code: 400, address: '/part/1', message: expect.stringMatching(/24 h at most, not \d+ h/) },
    ]);
    const refused = rig.calm.bundle([{ set: ['/part/1', 1] }], { at: YEAR_3000 });
    await expect(refused).rejects.toMatchObject({ code: 400 });
    expect(await rig.calm.get('/part/1')).toBe(null);
    peer.socket.close();
  });
});

describe('a gesture on a real socket', () => {
  it('id after id that never ends: those over the limit get 429, and all are cancelled when the sender is gone', async () => {
    const watcher = await rig.join('watcher');
    watcher.send({ type: 'SUBSCRIBE', id: 1, pattern: '/pad/**' }, 1);
    await vi.waitFor(() => expect(watcher.received.map(({ type }) => type)).toContain('ACK'), eventually);
    watcher.received.length = 0;
    const peer = await rig.join('rude');
    const start = (id: number): Message => ({
      type: 'PUBLISH',
      signal: 'gesture',
      address: `/pad/${id % 7}`,
      id,
      phase: 'start',
      value: id,
    });
    for (let id = 0; id < 1_500; id++) peer.send(start(id));
    await vi.waitFor(() => expect(errorsOf(peer.received)).toHaveLength(500), eventually);
    expect(errorsOf(peer.received)[0]).toMatchObject({
      code: 429,
      address: `/pad/${1_000 % 7}`,
      message: expect.stringContaining('at most 1000'),
    });
    // One that ends makes room for another.
    const end: Message = { type: 'PUBLISH', signal: 'gesture', address: '/pad/0', id: 0, phase: 'end' };
    expect(await peer.answersTo(encodeMessage(end))).toEqual([]);
    expect(await peer.answersTo(encodeMessage(start(2_000)))).toEqual([]);
    peer.socket.terminate();
    const phases = (phase: string) =>
      (watcher.received as PublishMessage[]).filter((message) => message.phase === phase).map(({ id }) => id);
    await vi.waitFor(() => expect(phases('cancel')).toHaveLength(1_000), eventually);
    const opened = [...Array.from({ length: 1_000 }, (_, id) => id), 2_000];
    expect(phases('start')).toEqual(opened);
    expect(phases('end')).toEqual([0]);
    expect(phases('cancel').sort((a, b) => Number(a) - Number(b))).toEqual(opened.slice(1));
    watcher.socket.close();
  });
});

describe('a TTL on a real socket', () => {
  it('that ends for 100 000 params in the same second deletes each of them once, for everybody', async () => {
    const watcher = await rig.join('watcher');
    const last = new Map<number, Value>();
    let deletes = 0;
    watcher.socket.removeAllListeners('message');
    watcher.socket.on('message', (data) => {
      const { message } = decodeMessage(data as Buffer);
      const all = message.type === 'BUNDLE' ? message.messages : [message];
      for (const one of all) {
        if (one.type !== 'SET') continue;
        last.set(Number(one.address.slice(5)), one.value);
        if (one.value === null) deletes++;
      }
    });
    watcher.send({ type: 'SUBSCRIBE', id: 1, pattern: '/ttl/*' });
    const peer = await rig.join('rude');
    const ttl = { seconds: 1, mode: 'absolute' } as const;
    for (let from = 0; from < 100_000; from += 1_000) {
      const messages = Array.from(
        { length: 1_000 },
        (_, n): Message => ({
          type: 'SET',
          address: `/ttl/${from + n}`,
          value: 1,
          ttl,
        }),
      );
      peer.send({ type: 'BUNDLE', messages } as BundleMessage);
    }
    await peer.answersTo(encodeMessage({ type: 'PING' }));
    await vi.waitFor(() => expect(last.size).toBe(100_000), eventually);
    await vi.waitFor(() => expect(deletes).toBe(100_000), eventually);
    expect([...last.values()].every((value) => value === null)).toBe(true);
    // What is left: the param of the calm client and the one of the peer.
    expect(rig.relay.stats().params).toBe(2);
    expect(errorsOf(peer.received)).toEqual([]);
    peer.socket.close();
    watcher.socket.close();
  }, 60_000);
});

describe('a SYNC on a real socket', () => {
  const sync = (t1: bigint, ...rest: bigint[]) => {
    const body = new Writer()
      .u8(0x40)
      .u8(rest.length === 2 ? 3 : 0)
      .u64(t1);
    for (const time of rest) body.u64(time);
    const payload = body.finish();
    return new Writer().u8(0x53).u8(0x01).u16(payload.length).bytes(payload).finish();
  };

  it.each<[string, Uint8Array, bigint]>([
    ['the year 3000', sync(BigInt(YEAR_3000)), BigInt(YEAR_3000)],
    ['a microsecond that no double can say', sync(32_503_680_000_000_001n), 32_503_680_000_000_001n],
    ['the end of all time', sync(2n ** 64n - 1n), 2n ** 64n - 1n],
    ['the future, with answers in it', sync(5n, BigInt(YEAR_3000), BigInt(YEAR_3000)), 5n],
  ])('from %s is answered with its own t1 and the relay’s time', async (_what, bytes, t1) => {
    const peer = await rig.join('rude');
    const frames: Buffer[] = [];
    peer.socket.on('message', (data) => frames.push(data as Buffer));
    const before = clock();
    const answers = await peer.answersTo(bytes);
    expect(answers.map(({ type }) => type)).toEqual(['SYNC']);
    const answer = frames.find((frame) => decodeFrame(frame).type === 0x40) as Buffer;
    expect(answer.readBigUInt64BE(6)).toBe(t1);
    const [t2, t3] = [Number(answer.readBigUInt64BE(14)), Number(answer.readBigUInt64BE(22))];
    expect(t2).toBeGreaterThanOrEqual(Math.floor(before));
    expect(t3).toBeGreaterThanOrEqual(t2);
    expect(t3).toBeLessThanOrEqual(clock());
    peer.socket.close();
  });
});
