import { firstValueFrom, map, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../../core/errors.ts';
import { PendingReply } from './reply.ts';

const failure = new ClaspError(502, 'no answer');

/** What a subscriber hears, as words. */
function hear<T>(reply: PendingReply<T>): string[] {
  const heard: string[] = [];
  reply.subscribe({
    next: (value) => heard.push(`next ${value}`),
    error: (error: ClaspError) => heard.push(`error ${error.code}`),
    complete: () => heard.push('complete'),
  });
  return heard;
}

describe('a reply', () => {
  it('gives its one value and completes, to those who wait and to those who come later', () => {
    const reply = new PendingReply<number>();
    const early = hear(reply);
    expect(early).toEqual([]);
    reply.resolve(7);
    expect(early).toEqual(['next 7', 'complete']);
    expect(hear(reply)).toEqual(['next 7', 'complete']);
  });

  it('gives its failure to those who wait and to those who come later', () => {
    const reply = new PendingReply<number>();
    const early = hear(reply);
    reply.reject(failure);
    expect(early).toEqual(['error 502']);
    expect(hear(reply)).toEqual(['error 502']);
  });

  it('is settled once', () => {
    const reply = new PendingReply<number>();
    reply.resolve(1);
    reply.resolve(2);
    reply.reject(failure);
    expect(hear(reply)).toEqual(['next 1', 'complete']);
  });

  it('can be awaited, before and after', async () => {
    const reply = new PendingReply<number>();
    const before = Promise.all([reply, reply.then((value) => value * 2)]);
    reply.resolve(3);
    expect(await before).toEqual([3, 6]);
    expect(await reply).toBe(3);

    const lost = new PendingReply<number>();
    lost.reject(failure);
    await expect(lost).rejects.toBe(failure);
    expect(await lost.then(undefined, (error: unknown) => (error as ClaspError).code)).toBe(502);
  });

  it('resolves to nothing when there is nothing to say', async () => {
    const reply = new PendingReply<void>();
    reply.resolve();
    expect(await reply).toBeUndefined();
  });

  it('goes through operators like any Observable', async () => {
    const reply = new PendingReply<number>();
    reply.resolve(3);
    expect(
      await firstValueFrom(
        reply.pipe(
          map((value) => value + 1),
          toArray(),
        ),
      ),
    ).toEqual([4]);
  });

  it('is not told to whoever left', () => {
    const reply = new PendingReply<number>();
    const heard: number[] = [];
    reply.subscribe((value) => heard.push(value)).unsubscribe();
    reply.resolve(1);
    expect(heard).toEqual([]);
  });

  it('raises nothing when it fails and nobody asked', async () => {
    const raised: unknown[] = [];
    const raise = (error: unknown) => raised.push(error);
    process.on('unhandledRejection', raise).on('uncaughtException', raise);
    try {
      new PendingReply<number>().reject(failure);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(raised).toEqual([]);
    } finally {
      process.off('unhandledRejection', raise).off('uncaughtException', raise);
    }
  });
});
