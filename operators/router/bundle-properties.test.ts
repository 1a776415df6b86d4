import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../core/address/pattern.ts';
import type { MemoryConnection } from '../../core/connection/memory-pair.ts';
import type { Message, SetMessage } from '../../core/wire/message.ts';
import { bundle, bundleRig, set } from '../../testing/bundle-rig.ts';
import type { WirePeer } from '../../testing/wire-peer.ts';

const WRITERS = 3;

/** A write as a writer wants it; what it expects is wrong now and then. */
interface Write {
  readonly address: string;
  readonly value: number | null;
  readonly lock?: true | undefined;
  readonly unlock?: true | undefined;
  /** How far the revision that it expects is from the true one. */
  readonly off?: number | undefined;
}

type Step =
  | { readonly do: 'set'; readonly who: number; readonly writes: readonly Write[] }
  | { readonly do: 'bundle'; readonly who: number; readonly writes: readonly Write[]; readonly after: number }
  | { readonly do: 'pass'; readonly time: number }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' }
  | { readonly do: 'leave' };

/** One time in so many. */
const rarely = <T>(value: fc.Arbitrary<T>, times: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const write: fc.Arbitrary<Write> = fc.record({
  address: fc.constantFrom('/x/a', '/x/b', '/x/c', '/x/d/e'),
  value: fc.option(fc.nat(9), { freq: 6 }),
  lock: rarely(fc.constant(true as const), 12),
  unlock: rarely(fc.constant(true as const), 24),
  off: rarely(fc.nat(1), 12),
});
const who = fc.nat(WRITERS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('set' as const), who, writes: write.map((one) => [one]) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('bundle' as const),
      who,
      writes: fc.array(write, { maxLength: 5 }),
      after: fc.constantFrom(-1, 0, 0, 0, 1, 2, 5),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), time: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.constantFrom<Step[]>({ do: 'pause' }, { do: 'resume' }, { do: 'leave' }) },
);

interface State {
  readonly value: number | null;
  readonly revision: number;
  readonly holder: number | undefined;
}

const NEW: State = { value: null, revision: 0, holder: undefined };

/** The rules in the plainest words: a copy is written, and kept if every write was possible. */
class Model {
  params = new Map<string, State>();
  readonly told: { writes: SetMessage[]; together: boolean }[] = [];
  readonly gone = new Set<number>();
  waiting: { at: number; by: number; writes: SetMessage[] }[] = [];

  message({ off, ...rest }: Write): SetMessage {
    const revision = off === undefined ? undefined : (this.params.get(rest.address)?.revision ?? 0) + off;
    return { type: 'SET', ...rest, revision };
  }

  apply(by: number, writes: readonly SetMessage[], together: boolean): boolean {
    const params = new Map(this.params);
    const told: SetMessage[] = [];
    for (const { address, value, revision: expected, lock, unlock } of writes) {
      const { revision, holder, value: old } = params.get(address) ?? NEW;
      if (unlock ? holder !== by : holder !== undefined && holder !== by) return false;
      if (expected !== undefined && expected !== revision && !(old === null && expected === 0)) return false;
      const takes = lock && !unlock && !this.gone.has(by);
      params.set(address, {
        value: value as number | null,
        revision: revision + 1,
        holder: unlock ? undefined : takes ? by : holder,
      });
      told.push(set(address, value as number | null, { revision: revision + 1 }) as SetMessage);
    }
    this.params = params;
    this.told.push({ writes: told, together });
    return true;
  }

  leave(by: number): void {
    this.gone.add(by);
    for (const [address, state] of this.params) {
      if (state.holder === by) this.params.set(address, { ...state, holder: undefined });
    }
  }

  runDue(now: number): void {
    for (;;) {
      const [first] = [...this.waiting].sort((a, b) => a.at - b.at);
      if (!first || first.at > now) return;
      this.waiting = this.waiting.filter((one) => one !== first);
      this.apply(first.by, first.writes, true);
    }
  }

  /** What somebody who reads everything at once gets. */
  delivered(pattern: string, understands: boolean): Message[] {
    const compiled = compilePattern(pattern);
    return this.told.flatMap(({ writes, together }) => {
      const matched = writes.filter(({ address }) => compiled.matches(address));
      return together && understands && matched.length > 0 ? [bundle(...matched)] : matched;
    });
  }
}

interface Receiver {
  readonly peer: WirePeer<MemoryConnection>;
  readonly pattern: string;
  readonly understands: boolean;
}

describe('whatever comes alone and in bundles, now and later, with parts that fail', () => {
  const play = (steps: readonly Step[]) => {
    const rig = bundleRig();
    const model = new Model();
    const writers = Array.from({ length: WRITERS }, () => rig.join());
    const receivers: Receiver[] = [
      ['/x/**', true] as const,
      ['/x/*', true] as const,
      ['/x/a', true] as const,
      ['/x/**', false] as const,
    ].map(([pattern, understands]) => ({ peer: rig.reader(pattern, { confirms: understands }), pattern, understands }));
    const paced = rig.reader('/x/**', { options: { maxRate: 200 } });
    const slow = rig.connect({ highWater: 1 });
    slow.hello();
    slow.send({ type: 'SUBSCRIBE', id: 1, pattern: '/x/**' }, { qos: 1 });
    slow.take();
    slow.connection.pause();
    const answers: (boolean | undefined)[] = [];
    const expected: boolean[] = [];

    for (const one of steps) {
      const now = rig.time.frame;
      if (one.do === 'pass') {
        rig.pass(one.time);
        for (let ms = now + 1; ms <= rig.time.frame; ms++) model.runDue(ms);
      } else if (one.do === 'pause') {
        slow.connection.pause();
      } else if (one.do === 'resume') {
        slow.connection.resume();
      } else if (one.do === 'leave') {
        if (model.gone.has(0)) continue;
        writers[0]?.close();
        model.leave(0);
      } else {
        const { who: by } = one;
        const peer = writers[by];
        if (!peer || model.gone.has(by)) continue;
        const writes = one.writes.map((wanted) => model.message(wanted));
        peer.take();
        if (one.do === 'set') {
          for (const message of writes) peer.send(message, { qos: 1 });
          expected.push(model.apply(by, writes, false));
        } else {
          const later = one.after > 0;
          const at = now + one.after;
          const timestamp = one.after === 0 ? undefined : Math.max(0, at) * 1000;
          peer.send({ type: 'BUNDLE', timestamp, messages: writes }, { qos: 2 });
          if (later) model.waiting.push({ at, by, writes });
          expected.push(later || model.apply(by, writes, true));
        }
        const told = peer.take().filter(({ type }) => type === 'ACK' || type === 'ERROR');
        expect(told).toHaveLength(1);
        answers.push(told[0]?.type === 'ACK');
      }
    }
    rig.pass(20);
    model.runDue(Number.POSITIVE_INFINITY);
    slow.connection.resume();
    return { rig, model, receivers, held: [slow, paced], answers, expected };
  };
  const shows = fc.array(step, { maxLength: 40, size: 'max' });

  it('a bundle is all or nothing: answers, values, revisions and locks are those of the model', () => {
    fc.assert(
      fc.property(shows, (steps) => {
        const { rig, model, answers, expected } = play(steps);
        expect(answers).toEqual(expected);
        for (const [address, { value, revision, holder }] of model.params) {
          expect(rig.param(address)).toEqual([value, revision]);
          const stranger = rig.join();
          stranger.send(set(address, 0), { qos: 1 });
          expect(stranger.take()[0]?.type).toBe(holder === undefined ? 'ACK' : 'ERROR');
        }
        rig.stop();
      }),
    );
  });

  it('every receiver gets its part of it as one BUNDLE in the order of the relay, and nothing of what failed', () => {
    fc.assert(
      fc.property(shows, (steps) => {
        const { rig, model, receivers } = play(steps);
        for (const { peer, pattern, understands } of receivers) {
          expect(peer.take()).toEqual(model.delivered(pattern, understands));
        }
        rig.stop();
      }),
    );
  });

  it('who lags, and who asked for fewer values, gets every bundle whole, revisions that rise, and the last', () => {
    fc.assert(
      fc.property(shows, (steps) => {
        const { rig, model, held } = play(steps);
        const whole = model.delivered('/x/**', true).filter(({ type }) => type === 'BUNDLE');
        for (const peer of held) {
          const got = peer.take().filter(({ type }) => type === 'SET' || type === 'BUNDLE');
          expect(got.filter(({ type }) => type === 'BUNDLE')).toEqual(whole);
          const newest = new Map<string, number>();
          for (const message of got.flatMap((one) => (one.type === 'BUNDLE' ? one.messages : [one]))) {
            if (message.type !== 'SET') continue;
            expect(message.revision).toBeGreaterThan(newest.get(message.address) ?? 0);
            newest.set(message.address, message.revision ?? 0);
          }
          for (const [address, { revision }] of model.params) expect(newest.get(address)).toBe(revision);
        }
        rig.stop();
      }),
    );
  });
});

describe('bundles for later', () => {
  it('run at their millisecond, in the order of (time, arrival), and never when they were cancelled', () => {
    const one = fc.record({
      at: fc.integer({ min: 1, max: 30 }),
      cancelled: fc.option(fc.integer({ min: 1, max: 30 })),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 40 }), (bundles) => {
        const rig = bundleRig();
        const desk = rig.join();
        const peer = rig.reader('/x');
        const expected: [number, number][] = [];
        for (const [n, { at }] of bundles.entries()) {
          desk.send({ type: 'BUNDLE', timestamp: at * 1000, messages: [set('/x', n)] });
        }
        for (let now = 1; now <= 30; now++) {
          rig.pass(1);
          for (const message of peer.take()) {
            if (message.type === 'BUNDLE') expected.push([now, (message.messages[0] as SetMessage).value as number]);
          }
          bundles.forEach(({ cancelled }, n) => {
            if (cancelled === now) desk.send(set(`/clasp/schedule/${n + 1}`, null));
          });
        }
        const due = bundles.flatMap(({ at, cancelled }, n) => (cancelled !== null && cancelled < at ? [] : [[at, n]]));
        expect(expected).toEqual(due.sort(([a = 0, m = 0], [b = 0, n = 0]) => a - b || m - n));
        expect(rig.relay.stats().params).toBe(due.length > 0 ? 1 : 0);
        rig.stop();
      }),
    );
  });
});
