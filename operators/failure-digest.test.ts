import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { FailureDigest } from './failure-digest.ts';

/** A digest in virtual time, and what it told, as `time: message`. */
function open() {
  const scheduler = new VirtualTimeScheduler();
  const digest = new FailureDigest({ interval: 100, scheduler });
  const told: string[] = [];
  let count = 0;
  digest.failures.subscribe({
    next: ({ reason, value }) => {
      told.push(`${scheduler.now()}: ${reason}`);
      count += value as number;
    },
    complete: () => told.push(`${scheduler.now()}: completed`),
  });
  const report = (at: number, reason: string) =>
    scheduler.schedule(() => digest.report(ErrorCode.BadMessage, reason, { where: 'x' }), at);
  return { scheduler, digest, told, report, count: () => count };
}

describe('FailureDigest', () => {
  it('tells of the first failure at once, and of those that follow once an interval', () => {
    const { scheduler, told, report } = open();
    for (const at of [0, 10, 20, 150, 500]) report(at, `failure at ${at}`);
    scheduler.flush();
    expect(told).toEqual([
      '0: x: failure at 0',
      '100: x: failure at 20; 2 failures within 100 ms, this was the last',
      '200: x: failure at 150',
      '500: x: failure at 500',
    ]);
  });

  it('counts every failure, in total and over what it tells', () => {
    const { scheduler, digest, told, report, count } = open();
    for (let i = 0; i < 5_000; i++) report(i % 1_000, 'flood');
    scheduler.flush();
    expect(digest.total).toBe(5_000);
    expect(count()).toBe(5_000);
    expect(told.length).toBe(11);
  });

  it('tells what is left when it is closed, completes, and ignores what comes later', () => {
    const { scheduler, digest, told, report } = open();
    report(0, 'first');
    report(1, 'second');
    scheduler.schedule(() => digest.close(), 2);
    report(3, 'late');
    scheduler.flush();
    expect(told).toEqual(['0: x: first', '2: x: second', '2: completed']);
    expect(digest.total).toBe(2);
    expect(scheduler.now()).toBe(3);
  });

  it('leaves no timer running once the failures have stopped', () => {
    const { scheduler, report } = open();
    report(0, 'only');
    scheduler.flush();
    expect(scheduler.now()).toBe(100);
  });

  it('passes on failures that exist already, as their cause', () => {
    const { scheduler, digest, told } = open();
    const causes: unknown[] = [];
    digest.failures.subscribe(({ cause, code, address }) => causes.push([cause, code, address]));
    const failure = new ClaspError(ErrorCode.BadValue, 'no maps', { address: '/a', value: {} });
    for (let i = 0; i < 3; i++) digest.pass(failure);
    digest.report(ErrorCode.BadMessage, 'other', { where: 'x' });
    scheduler.flush();
    expect(told).toEqual(['0: no maps', '100: x: other; 3 failures within 100 ms, this was the last']);
    expect(causes).toEqual([
      [failure, 402, '/a'],
      [undefined, 101, undefined],
    ]);
  });

  it('counts a failure that another digest has told for all that it stands for, and names the number once', () => {
    const { scheduler, digest, told, report } = open();
    const outer = new FailureDigest({ interval: 1_000, scheduler });
    const sums: string[] = [];
    outer.failures.subscribe(({ reason, value }) => sums.push(`${scheduler.now()}: ${value} ${reason}`));
    digest.failures.subscribe((failure) => outer.pass(failure));
    for (let i = 0; i < 500; i++) report(i, 'flood');
    scheduler.flush();
    expect(told).toHaveLength(6);
    expect(sums).toEqual(['0: 1 x: flood', '1000: 499 x: flood; 499 failures within 1000 ms, this was the last']);
    expect(outer.total).toBe(500);
  });

  it('says where, with offset and address, cut to a length that a log can bear', () => {
    const digest = new FailureDigest({ scheduler: new VirtualTimeScheduler() });
    const told: string[] = [];
    digest.failures.subscribe((failure) => told.push(failure.message));
    digest.report(ErrorCode.BadAddress, 'no', { where: 'x', offset: 8, address: '/a'.repeat(1_000) });
    expect(told).toEqual([`[200] x: no at byte 8 ("${'/a'.repeat(128)}")`]);
  });
});
