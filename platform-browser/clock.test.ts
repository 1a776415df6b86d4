import { expect, it } from 'vitest';
import { clock } from './clock.ts';

it('is the time in whole microseconds, and never goes back', () => {
  expect(Math.abs(clock() / 1_000 - Date.now())).toBeLessThan(60_000);
  let last = clock();
  for (let reading = 0; reading < 1_000; reading++) {
    const time = clock();
    expect(Number.isInteger(time)).toBe(true);
    expect(time).toBeGreaterThanOrEqual(last);
    last = time;
  }
});
