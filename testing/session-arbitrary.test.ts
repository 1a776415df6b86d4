import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionMessages, sessions } from './session-arbitrary.ts';

describe('sessions', () => {
  it('only who has joined and not left does anything, and nobody joins twice', () => {
    fc.assert(
      fc.property(sessions({ pauses: true }), ({ steps }) => {
        const there = new Set<string>();
        for (const step of steps) {
          if (step.do === 'wait') continue;
          expect(there.has(step.who)).toBe(step.do !== 'join');
          if (step.do === 'join') there.add(step.who);
          if (step.do === 'leave') there.delete(step.who);
        }
      }),
    );
  });

  it('shrink to a diagram that can be read', () => {
    const result = fc.check(
      fc.property(
        sessions({ messages: sessionMessages() }),
        ({ steps }) => !steps.some((step) => step.do === 'send' && step.message.type === 'SET' && step.message.lock),
      ),
      { seed: 1, numRuns: 1_000 },
    );
    expect(result.failed).toBe(true);
    expect(String(result.counterexample?.[0])).toMatch(
      /^ms \| a +\| b +\| c\n 0 \|.*join.*\n 0 \|.*SET \/a \S+ lock.*\nthen 0 ms have passed$/,
    );
    expect(fc.defaultReportMessage(result)).toContain(String(result.counterexample?.[0]));
  });

  it('prints bundles by their parts', () => {
    const parts = fc.constant({
      type: 'BUNDLE' as const,
      messages: [{ type: 'SET' as const, address: '/a', value: [1] }, { type: 'PING' as const }],
    });
    const [script] = fc.sample(
      sessions({ names: ['a'], messages: parts }).filter(({ steps }) => steps.some((step) => step.do === 'send')),
      { numRuns: 1, seed: 3 },
    );
    expect(String(script)).toContain('BUNDLE [SET /a [1], PING]');
  });
});
