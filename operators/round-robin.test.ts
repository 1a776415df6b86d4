import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputQueue, RoundRobin } from './round-robin.ts';

/** An event loop by hand, and a clock that only handling moves on. */
function loop(options: { least?: number; most?: number } = {}) {
  const state = { now: 0, turns: 0 };
  let works: (() => void)[] = [];
  const turns = new RoundRobin({ now: () => state.now, later: (work) => works.push(work), ...options });
  const turn = () => {
    const due = works;
    works = [];
    state.turns++;
    for (const work of due) work();
    return due.length > 0;
  };
  return { state, turns, turn, idle: () => works.length === 0 };
}

interface Item {
  readonly peer: number;
  readonly number: number;
  /** Milliseconds that handling it takes. */
  readonly cost: number;
  readonly bytes: number;
}

/** Peers whose items are handled in turns of one loop. */
function peers(count: number, rig: ReturnType<typeof loop>) {
  const handled: Item[] = [];
  const held = new Set<number>();
  const queues = Array.from(
    { length: count },
    (_, peer) =>
      new InputQueue<Item>({
        turns: rig.turns,
        take: (item) => {
          rig.state.now += item.cost;
          handled.push(item);
        },
        size: ({ bytes }) => bytes,
        hold: () => held.add(peer),
        release: () => held.delete(peer),
      }),
  );
  return { handled, held, queues };
}

const cost = fc.constantFrom(0, 0.01, 0.1, 1, 30);
const bytes = fc.constantFrom(10, 100, 5_000, 65_000);
const arrivals = fc.array(
  fc.record({
    peer: fc.integer({ min: 0, max: 3 }),
    items: fc.array(fc.record({ cost, bytes }), { maxLength: 80 }),
    turn: fc.boolean(),
  }),
  { maxLength: 30 },
);

describe('RoundRobin and InputQueue', () => {
  it('handle everything, what one peer sent in order, however it arrives', () => {
    fc.assert(
      fc.property(arrivals, fc.boolean(), (batches, together) => {
        const rig = loop();
        const { handled, held, queues } = peers(4, rig);
        const sent: Item[][] = [[], [], [], []];
        for (const { peer, items, turn } of batches) {
          const own = sent[peer] as Item[];
          const numbered = items.map((item, i) => ({ ...item, peer, number: own.length + i }));
          own.push(...numbered);
          if (together) queues[peer]?.addAll(numbered);
          else for (const item of numbered) queues[peer]?.add(item);
          if (turn) rig.turn();
        }
        while (rig.turn());
        for (const [peer, items] of sent.entries()) {
          expect(handled.filter((item) => item.peer === peer)).toEqual(items);
        }
        expect([held.size, rig.idle()]).toEqual([0, true]);
      }),
    );
  });

  it('handle a single message within one turn, whoever floods and however slow that is', () => {
    const flood = fc.array(fc.record({ cost, bytes }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(fc.array(flood, { minLength: 1, maxLength: 3 }), fc.nat(20), (floods, after) => {
        const rig = loop();
        const { handled, queues } = peers(4, rig);
        for (const [peer, items] of floods.entries()) {
          queues[peer]?.addAll(items.map((item, number) => ({ ...item, peer, number })));
        }
        for (let i = 0; i < after; i++) rig.turn();
        queues[3]?.add({ peer: 3, number: 0, cost: 0.01, bytes: 40 });
        expect(handled.at(-1)).toMatchObject({ peer: 3 });
      }),
    );
  });

  it('give each who waits a portion in its turn, so that a burst is not behind all of a flood', () => {
    const rig = loop();
    const { handled, queues } = peers(2, rig);
    const items = (peer: number, count: number) =>
      Array.from({ length: count }, (_, number) => ({ peer, number, cost: 0.01, bytes: 40 }));
    queues[0]?.addAll(items(0, 2_000));
    queues[1]?.addAll(items(1, 60));
    while (handled.filter(({ peer }) => peer === 1).length < 60) rig.turn();
    const before = handled.slice(0, handled.map(({ peer }) => peer).lastIndexOf(1));
    expect(before.filter(({ peer }) => peer === 0).length).toBeLessThan(600);
  });

  it('read no longer in a turn than the budget and what was begun', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ cost: fc.constantFrom(0.1, 1), bytes: fc.constant(40) }), {
          minLength: 200,
          maxLength: 400,
        }),
        (items) => {
          const rig = loop({ least: 4 });
          const { queues } = peers(1, rig);
          const spent: number[] = [];
          const measured = (work: () => void) => {
            const before = rig.state.now;
            work();
            spent.push(rig.state.now - before);
          };
          measured(() => queues[0]?.addAll(items.map((item, number) => ({ ...item, peer: 0, number }))));
          while (!rig.idle()) measured(() => void rig.turn());
          // A portion is fourteen such messages.
          expect(Math.max(...spent)).toBeLessThanOrEqual(4 + 14);
          expect(spent.length).toBeGreaterThan(2);
        },
      ),
    );
  });

  it('read for longer where it takes long to send what a turn has given rise to, but not much for one long pause', () => {
    const rig = loop({ least: 4, most: 32 });
    const { handled, queues } = peers(1, rig);
    queues[0]?.addAll(Array.from({ length: 20_000 }, (_, number) => ({ peer: 0, number, cost: 0.1, bytes: 40 })));
    const portions = Array.from({ length: 30 }, () => {
      const before = handled.length;
      rig.state.now += 10; // the sending
      rig.turn();
      return handled.length - before;
    });
    expect(portions[0]).toBeLessThan(80);
    expect(portions.at(-1)).toBeGreaterThan(150);
    rig.turn();
    const before = handled.length;
    rig.turn();
    expect(handled.length - before).toBeLessThan(80);
  });

  it('goes on when the clock is put back', () => {
    const rig = loop();
    const { handled, queues } = peers(1, rig);
    queues[0]?.addAll(
      Array.from({ length: 100 }, (_, number) => ({
        peer: 0,
        number,
        cost: number === 10 ? -3_600_000 : 1,
        bytes: 40,
      })),
    );
    expect(handled.length).toBeLessThan(30);
    while (rig.turn());
    expect(handled).toHaveLength(100);
  });

  it('does what comes afterwards when nothing waits any more, at once where nothing does', () => {
    const rig = loop();
    const { handled, queues } = peers(1, rig);
    const seen: number[] = [];
    queues[0]?.afterwards(() => seen.push(handled.length));
    queues[0]?.addAll(Array.from({ length: 100 }, (_, number) => ({ peer: 0, number, cost: 1, bytes: 40 })));
    queues[0]?.afterwards(() => seen.push(handled.length));
    expect(seen).toEqual([0]);
    while (rig.turn());
    expect(seen).toEqual([0, 100]);
  });

  it('forgets what waits when it is told to', () => {
    const rig = loop();
    const { handled, queues } = peers(1, rig);
    queues[0]?.addAll(Array.from({ length: 100 }, (_, number) => ({ peer: 0, number, cost: 1, bytes: 40 })));
    const before = handled.length;
    queues[0]?.clear();
    while (rig.turn());
    expect([handled.length, rig.idle()]).toEqual([before, true]);
  });
});
