import { describe, expect, it } from 'vitest';
import { Emitter } from './emitter.ts';

function hear(emitter: Emitter<number>): string[] {
  const heard: string[] = [];
  emitter.subscribe({
    next: (value) => heard.push(`${value}`),
    error: (reason) => heard.push(`error ${reason}`),
    complete: () => heard.push('complete'),
  });
  return heard;
}

describe('Emitter', () => {
  it('gives what comes to everybody who listens, in the order they came', () => {
    const emitter = new Emitter<number>();
    const order: string[] = [];
    emitter.next(0);
    emitter.subscribe((value) => order.push(`first ${value}`));
    const second = emitter.subscribe((value) => order.push(`second ${value}`));
    emitter.next(1);
    second.unsubscribe();
    emitter.next(2);
    expect(order).toEqual(['first 1', 'second 1', 'first 2']);
  });

  it('gives its first end, and nothing after it, also to those who come later', () => {
    const failing = new Emitter<number>();
    const early = hear(failing);
    failing.next(1);
    failing.error('lost');
    failing.complete();
    failing.next(2);
    expect([early, hear(failing)]).toEqual([['1', 'error lost'], ['error lost']]);
    const completing = new Emitter<number>();
    completing.complete();
    completing.error('late');
    expect(hear(completing)).toEqual(['complete']);
  });

  it('does not give a value to whoever subscribes or leaves because of it', () => {
    const emitter = new Emitter<number>();
    const heard: string[] = [];
    const leaver = () => second.unsubscribe();
    emitter.subscribe((value) => {
      leaver();
      emitter.subscribe((late) => heard.push(`late ${late} at ${value}`));
    });
    const second = emitter.subscribe((value) => heard.push(`second ${value}`));
    emitter.next(1);
    expect(heard).toEqual([]);
    emitter.next(2);
    expect(heard).toEqual(['late 2 at 1']);
  });
});
