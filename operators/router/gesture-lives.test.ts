import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GesturePhase } from '../../core/signal/signal.ts';
import type { PublishMessage, QoS } from '../../core/wire/message.ts';
import { gesture, type Peer, published, routerRig } from '../../testing/router-rig.ts';

const rig = routerRig();
beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe('whatever arrives and whoever comes and goes', () => {
  type Step =
    | {
        readonly do: 'send';
        readonly who: number;
        readonly id: number;
        readonly phase: GesturePhase;
        readonly qos: QoS;
      }
    | { readonly do: 'pass'; readonly time: number }
    | { readonly do: 'leave' | 'join' | 'subscribe' | 'pause' | 'resume'; readonly who: number };

  const who = fc.nat(3);
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        who,
        id: fc.nat(1),
        phase: fc.constantFrom<GesturePhase[]>('start', 'start', 'move', 'move', 'move', 'end', 'cancel'),
        qos: fc.constantFrom<QoS[]>(0, 1),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('pass' as const), time: fc.constantFrom(1, 5, 15, 17, 20_000) }),
    },
    fc.record({ do: fc.constantFrom('leave' as const, 'join', 'subscribe', 'pause', 'resume'), who }),
  );

  interface Seat {
    peer: Peer;
    /** What came of each gesture, in letters. */
    lives: Map<string, string>;
  }

  it('every receiver sees start move* (end | cancel), and at most one move per 16 ms', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        rig.start();
        const lives: { life: string; open: boolean }[] = [];
        const sit = (subscribed: boolean): Seat => {
          const peer = rig.connect({ highWater: 60 });
          peer.hello();
          if (subscribed) peer.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
          const seat: Seat = { peer, lives: new Map() };
          return seat;
        };
        const seats: (Seat | undefined)[] = [0, 1, 2, 3].map((seat) => sit(seat < 2));
        const read = (seat: Seat) => {
          for (const { address, id, phase } of published(seat.peer.take())) {
            const key = `${address} ${id}`;
            seat.lives.set(key, (seat.lives.get(key) ?? '') + (phase ?? 'start')[0]);
          }
        };
        const retire = (seat: Seat, open: boolean) => {
          read(seat);
          for (const life of seat.lives.values()) lives.push({ life, open });
        };
        for (const one of steps) {
          if (one.do === 'pass') {
            rig.pass(one.time);
            continue;
          }
          const seat = seats[one.who];
          if (one.do === 'join') {
            seats[one.who] ??= sit(false);
          } else if (seat) {
            // Each sender has its own address, so that a life is that of one sender.
            if (one.do === 'send') {
              const { id, phase, qos } = one;
              seat.peer.send(gesture(phase, id, { id, address: `/pad/${one.who}` }), { qos });
            } else if (one.do === 'subscribe') {
              seat.peer.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
            } else if (one.do === 'pause') {
              seat.peer.connection.pause();
            } else if (one.do === 'resume') {
              seat.peer.connection.resume();
            } else {
              seat.peer.close();
              seats[one.who] = undefined;
              retire(seat, true);
            }
          }
        }
        rig.pass(100_000);
        for (const seat of seats) seat?.peer.connection.resume();
        for (const seat of seats) if (seat) retire(seat, seat.peer.ended !== undefined);
        for (const { life, open } of lives) expect(life).toMatch(open ? /^(sm*[ec])*(sm*)?$/ : /^(sm*[ec])*$/);
      }),
    );
  });

  it('the moves that get through are the newest, at most one per 16 ms, and the last before an end is never lost', () => {
    const gap = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 80 }), fc.boolean(), (gaps, ends) => {
        rig.start();
        const desk = rig.join();
        const reader = rig.subscriber();
        const seen: { value: number; at: number }[] = [];
        const collect = () => {
          for (const { phase, value } of published(reader.take())) {
            if (phase === 'move') seen.push({ value: value as number, at: rig.time.frame });
          }
        };
        const sentAt: number[] = [];
        desk.send(gesture('start'));
        gaps.forEach((wait, n) => {
          for (let ms = 0; ms < wait; ms++) {
            rig.pass(1);
            collect();
          }
          sentAt.push(rig.time.frame);
          desk.send(gesture('move', n));
          collect();
        });
        const inTime = seen.length;
        if (ends) desk.send(gesture('end'));
        else rig.pass(17);
        collect();
        expect(seen.at(-1)?.value).toBe(gaps.length - 1);
        const paced = ends ? seen.slice(0, inTime) : seen;
        paced.forEach(({ value, at }, n) => {
          const before = paced[n - 1];
          if (before) expect(at - before.at).toBeGreaterThanOrEqual(16);
          if (before) expect(value).toBeGreaterThan(before.value);
          // Nothing newer had arrived when it went out.
          expect(sentAt[value + 1] ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(at);
        });
      }),
    );
  });

  it('of a session that goes with very many are all cancelled, in turns, and at the latest when the relay stops', () => {
    for (const stops of [false, true]) {
      rig.start();
      const [desk, reader] = [rig.join(), rig.subscriber()];
      for (let id = 1; id <= 500; id++) {
        desk.send(gesture('start', 0, { id }));
        desk.send(gesture('move', 1, { id }));
        desk.send(gesture('move', 2, { id }));
      }
      reader.take();
      desk.close();
      const cancelled = (messages: readonly PublishMessage[]) =>
        messages.filter(({ phase }) => phase === 'cancel').map(({ id }) => id);
      const atOnce = published(reader.take());
      expect(cancelled(atOnce).length).toBeLessThan(100);
      if (stops) rig.stop();
      else rig.pass(50);
      const all = [...atOnce, ...published(reader.take())];
      expect(cancelled(all).sort((a = 0, b = 0) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
      for (const each of [1, 250, 500]) {
        expect(all.filter(({ id }) => id === each).map(({ phase, value = '' }) => `${phase} ${value}`)).toEqual([
          'move 2',
          'cancel ',
        ]);
      }
      rig.pass(60_000);
      expect(reader.take().filter(({ type }) => type === 'PUBLISH')).toEqual([]);
    }
  });
});
