import { describe, expect, it } from 'vitest';
import { ClaspError } from '../core/errors.ts';
import { constantArbitrary, fc, loadFastCheck, toStringMethod } from './fast-check.ts';

const notThere = () => Promise.reject(new Error("Cannot find package 'fast-check'"));
const thrownBy = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (cause) {
    return cause;
  }
};

describe('without fast-check', () => {
  const reason = 'arbitraries need the package fast-check: npm install -D fast-check';

  it('loading succeeds, and the first use names the install command', async () => {
    const none = await loadFastCheck(notThere);
    const told = thrownBy(() => none.nat());
    expect(told).toBeInstanceOf(ClaspError);
    expect(told).toMatchObject({ code: 501, reason });
  });

  it('an arbitrary that is a constant says so when it is used, not when it is made', async () => {
    const none = await loadFastCheck(notThere);
    const constant = constantArbitrary(() => none.nat());
    expect(thrownBy(() => constant.map((n) => n))).toMatchObject({ code: 501, reason });
  });
});

describe('with fast-check', () => {
  it('it is what is loaded', async () => {
    expect(await loadFastCheck(() => import('fast-check'))).toBe(fc);
    expect(fc.sample(constantArbitrary(() => fc.constant(7)))).toContain(7);
  });

  it('its method for printing goes by the same symbol', () => {
    expect(toStringMethod).toBe(fc.toStringMethod);
  });

  it('a mistake in an arbitrary is no missing package', () => {
    expect(() => constantArbitrary(() => fc.integer({ min: 1, max: 0 }))).toThrow('maximum');
  });
});
