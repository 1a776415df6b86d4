import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClaspError } from '../errors.ts';
import { encodeError } from './encode.ts';
import { decodeMessage } from './index.ts';
import type { ErrorMessage } from './message.ts';

const said = (error: ClaspError, correlationId?: number) =>
  decodeMessage(encodeError(error, correlationId)).message as ErrorMessage;

it('says code, reason, address and what it is the answer to', () => {
  const address = `/${'ü'.repeat(511)}`;
  expect(said(new ClaspError(402, 'too wide', { address }), 7)).toEqual({
    type: 'ERROR',
    code: 402,
    message: 'too wide',
    address,
    correlationId: 7,
  });
});

it('fits a frame, whatever its reason and address hold', () => {
  const text = fc
    .tuple(fc.constantFrom('x', 'ü', '語', '🎹', '🎹x'), fc.nat(80_000))
    .map(([part, times]) => part.repeat(times));
  fc.assert(
    fc.property(text, text, (reason, address) => {
      const error = said(new ClaspError(500, reason, { address }));
      for (const [whole, told] of [
        [reason, error.message],
        [address, error.address ?? '?'],
      ] as const) {
        const beginning = told.replace(/…$/, '');
        expect(whole.startsWith(beginning)).toBe(true);
        expect(told === whole || beginning.length >= 1023).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});
