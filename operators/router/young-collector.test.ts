import { VirtualTimeScheduler } from 'rxjs';
import { expect, it } from 'vitest';
import { YoungCollector } from './schedule-bundles.ts';

const SECOND = 1_000_000;

/** Those that wait, and when the host collected, milliseconds. */
function rig() {
  const scheduler = new VirtualTimeScheduler();
  const waiting: number[] = [];
  const collected: number[] = [];
  const now = () => scheduler.now() * 1000;
  const next = () => waiting.find((at) => at > now());
  const collectYoung = () => collected.push(scheduler.now());
  const ageing = new YoungCollector({ scheduler, now, next, collectYoung });
  const add = (count: number, at: number) => {
    for (let i = 0; i < count; i++) {
      waiting.push(at);
      ageing.added();
    }
  };
  const pass = (milliseconds: number) => {
    scheduler.maxFrames = scheduler.frame + milliseconds;
    scheduler.schedule(() => undefined, milliseconds);
    scheduler.flush();
  };
  return { ageing, add, pass, collected };
}

it('collects twice, some time after many have come to wait, and not again for the same ones', () => {
  const { add, pass, collected } = rig();
  add(99, SECOND);
  pass(400);
  expect(collected).toEqual([]);
  add(1, SECOND);
  pass(249);
  expect(collected).toEqual([]);
  add(300, SECOND);
  pass(1);
  expect(collected).toEqual([650, 650]);
  pass(2_000);
  expect(collected).toHaveLength(2);
});

it('waits while something is due soon, and for nothing that waits no more', () => {
  const soon = rig();
  soon.add(100, 260_000);
  soon.add(1, 5 * SECOND);
  soon.pass(499);
  expect(soon.collected).toEqual([]);
  soon.pass(1);
  expect(soon.collected).toEqual([500, 500]);

  const gone = rig();
  gone.add(100, 200_000);
  gone.pass(2_000);
  expect(gone.collected).toEqual([]);
});

it('stops when it is disposed', () => {
  const { ageing, add, pass, collected } = rig();
  add(100, SECOND);
  ageing.dispose();
  pass(2_000);
  expect(collected).toEqual([]);
});
