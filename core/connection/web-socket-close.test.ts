import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../errors.ts';
import { clientCloseCode, closeError, closeReason, serverCloseCode } from './web-socket.ts';

describe('close codes', () => {
  it.each(Object.entries(ErrorCode))(
    'a client closes %s with a code browsers allow, and it arrives as it was',
    (_, code) => {
      const closeCode = clientCloseCode(code);
      expect(closeCode).toBe(4000 + code);
      expect(closeError(closeCode, 'why')).toMatchObject({ code, reason: 'why' });
    },
  );

  it.each(Object.entries(ErrorCode))(
    'a server closes %s with a code that arrives as an error of that family',
    (_, code) => {
      const arrived = closeError(serverCloseCode(new ClaspError(code, 'why')), 'why');
      expect(arrived?.reason).toBe('why');
      expect(Math.floor((arrived as ClaspError).code / 100)).toBe(Math.floor(code / 100));
    },
  );

  it('only 1000, 1001 and no code at all are clean', () => {
    for (let code = 1000; code < 5000; code++) {
      expect(closeError(code, '') === undefined).toBe([1000, 1001, 1005].includes(code));
    }
  });

  it('says something when the peer did not', () => {
    expect(closeError(1006, '')?.message).toBe('[502] connection lost');
    expect(closeError(1008, '')?.message).toBe('[300] refused by the peer');
    expect(closeError(1009, '')?.message).toBe('[100] frame too large for the peer');
    expect(closeError(3000, '')?.message).toBe('[500] closed with 3000');
    expect(closeError(4301, '')?.message).toBe('[301] closed by the peer');
  });

  it('sends 500 for a code that has no close code', () => {
    for (const code of [0, -1, 1000, 0.5, Number.NaN, 70_000]) expect(clientCloseCode(code)).toBe(4500);
  });

  it('cuts a reason to 123 bytes, between two characters, and no earlier than it must', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'ü', '€', '😀'), { maxLength: 130, size: 'max' }), (characters) => {
        const reason = characters.join('');
        const cut = closeReason(new ClaspError(500, reason));
        const bytes = new TextEncoder().encode(cut).length;
        expect(reason.startsWith(cut)).toBe(true);
        expect(bytes).toBeLessThanOrEqual(123);
        if (cut !== reason) expect(bytes).toBeGreaterThan(119);
        expect(cut).not.toMatch(/\p{Surrogate}/u);
      }),
    );
  });
});
