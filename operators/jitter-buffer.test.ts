import fc from 'fast-check';
import { Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { jitterBuffer } from './jitter-buffer.ts';

const MICROSECONDS = 1_000;
const BUFFER = 30;

interface Sent {
  /** Milliseconds since the one before. */
  readonly gap: number;
  /** Milliseconds on the way. */
  readonly way: number;
}
interface Dated {
  readonly id: number;
  readonly at: number;
}

/** What a receiver hears of values that were sent with these gaps, and when. */
function played(sent: readonly Sent[], late?: 'pass' | 'drop') {
  const scheduler = new VirtualTimeScheduler();
  const time = () => scheduler.now() * MICROSECONDS;
  const source = new Subject<Dated>();
  const heard: { id: number; when: number }[] = [];
  const lost: number[] = [];
  source
    .pipe(jitterBuffer(BUFFER, { time, scheduler, onLate: ({ id }) => lost.push(id), ...(late && { late }) }))
    .subscribe(({ id }) => heard.push({ id, when: scheduler.now() }));
  let made = 0;
  const times = sent.map(({ gap, way }, id) => {
    made += gap;
    const at = made;
    scheduler.schedule(() => source.next({ id, at: at * MICROSECONDS }), at + way);
    return at;
  });
  scheduler.flush();
  return { heard, lost, times };
}

const sent = (longest: number) => fc.array(fc.record({ gap: fc.nat(20), way: fc.nat(longest) }));

describe('jitterBuffer', () => {
  it('gives back order and spacing of the timestamps when no way is longer than the buffer', () => {
    fc.assert(
      fc.property(sent(BUFFER), (plan) => {
        const { heard, lost, times } = played(plan);
        expect(lost).toEqual([]);
        expect(heard.map(({ id }) => times[id])).toEqual(times);
        expect(heard.map(({ when }) => when)).toEqual(times.map((at) => at + BUFFER));
        expect(new Set(heard.map(({ id }) => id)).size).toBe(plan.length);
      }),
    );
  });

  it('loses nothing when ways are longer: what is late passes as it comes', () => {
    fc.assert(
      fc.property(sent(3 * BUFFER), (plan) => {
        const { heard, times } = played(plan);
        expect(heard.map(({ id }) => id).sort((a, b) => a - b)).toEqual(times.map((_, id) => id));
        for (const { id, when } of heard) {
          expect(when).toBe((times[id] as number) + Math.max(BUFFER, plan[id]?.way ?? 0));
        }
      }),
    );
  });

  it('drops exactly what is late when asked to, and so keeps the order', () => {
    fc.assert(
      fc.property(sent(3 * BUFFER), (plan) => {
        const { heard, lost, times } = played(plan, 'drop');
        expect([...lost].sort((a, b) => a - b)).toEqual(plan.flatMap(({ way }, id) => (way > BUFFER ? [id] : [])));
        expect(heard).toHaveLength(plan.length - lost.length);
        expect(heard.map(({ when }) => when)).toEqual(heard.map(({ id }) => (times[id] as number) + BUFFER));
        expect(heard.map(({ when }) => when)).toEqual(heard.map(({ when }) => when).sort((a, b) => a - b));
      }),
    );
  });

  it('lets what has no timestamp pass', () => {
    const source = new Subject<{ at?: number }>();
    const heard: unknown[] = [];
    source.pipe(jitterBuffer(10, { time: () => 0 })).subscribe((value) => heard.push(value));
    source.next({});
    expect(heard).toEqual([{}]);
  });
});
