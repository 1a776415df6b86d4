import { describe, expect, it } from 'vitest';
import { type Answer, follow, followNow, type Steps, wait } from './answer.ts';

function* sum(...answers: Answer<number>[]): Steps<number> {
  let total = 0;
  for (const answer of answers) total += yield* wait(answer);
  return total;
}

function* guarded(answer: Answer<number>): Steps<string> {
  try {
    return `got ${yield* wait(answer)}`;
  } catch (reason) {
    return `caught ${reason}`;
  }
}

describe('follow', () => {
  it('gives the result at once when every answer is there', () => {
    expect(follow(sum(1, 2, 3))).toBe(6);
  });

  it('gives a promise of it from the first answer on that is not there yet', async () => {
    const answer = follow(sum(1, Promise.resolve(2), 3, Promise.resolve(4)));
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toBe(10);
  });

  it('throws a rejection where the answer is waited for', async () => {
    expect(await follow(guarded(Promise.reject('no')))).toBe('caught no');
    await expect(follow(sum(Promise.reject(new Error('no'))))).rejects.toThrow('no');
  });

  it('does ten thousand steps without growing the stack', () => {
    expect(follow(sum(...new Array<number>(10_000).fill(1)))).toBe(10_000);
  });
});

it('followNow refuses what is not there at once', () => {
  expect(followNow(sum(1))).toBe(1);
  expect(() => followNow(sum(Promise.resolve(1)))).toThrow(TypeError);
});
