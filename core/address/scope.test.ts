import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../errors.ts';
import { matches } from './pattern.ts';
import { ALL_SCOPES, parseScope, type ScopeAction, scopes } from './scope.ts';

const actions: readonly ScopeAction[] = ['read', 'write', 'admin'];

describe('parseScope', () => {
  it('splits at the first colon, so that a pattern may have colons', () => {
    const { action, pattern } = parseScope('write:/lights/a:b/**');
    expect(action).toBe('write');
    expect(pattern.source).toBe('/lights/a:b/**');
  });

  it.each([
    ['', 'scope must start with "read:", "write:" or "admin:": ""'],
    ['read', 'scope must start with "read:", "write:" or "admin:": "read"'],
    ['READ:/a', 'scope must start with "read:", "write:" or "admin:": "READ:/a"'],
    ['toString:/a', 'scope must start with "read:", "write:" or "admin:": "toString:/a"'],
    ['read:', 'scope read: pattern is empty: ""'],
    ['write:lights', 'scope write: pattern must start with "/": "lights"'],
  ])('refuses %j with 202 and says why', (text, reason) => {
    expect(() => parseScope(text)).toThrow(
      expect.objectContaining({ code: ErrorCode.BadPattern, reason, value: text }),
    );
  });
});

describe('scopes', () => {
  it('makes write include read, and admin both, on the same pattern only', () => {
    const granted = scopes(['read:/r/**', 'write:/w/**', 'admin:/a/**']);
    const table = ['/r/x', '/w/x', '/a/x', '/z'].map((address) =>
      actions.map((action) => granted.allows(action, address)),
    );
    expect(table).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
      [false, false, false],
    ]);
  });

  it('allows exactly what one of its scopes allows', () => {
    const parts = fc.constantFrom('a', 'b', '*', '**');
    const scope = fc.tuple(fc.constantFrom(...actions), fc.array(parts, { minLength: 1, maxLength: 3 }));
    const address = fc
      .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 })
      .map((all) => `/${all.join('/')}`);
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 4 }), fc.constantFrom(...actions), address, (list, action, at) => {
        const granted = scopes(list.map(([what, segments]) => `${what}:/${segments.join('/')}`));
        const expected = list.some(
          ([what, segments]) =>
            actions.indexOf(what) >= actions.indexOf(action) && matches(`/${segments.join('/')}`, at),
        );
        expect(granted.allows(action, at)).toBe(expected);
        // An address is a pattern that matches only itself.
        expect(granted.overlaps(action, at)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('tells whether a wider pattern is worth subscribing', () => {
    const granted = scopes(['read:/lights/*/level', 'write:/desk/**']);
    expect(granted.overlaps('read', '/**')).toBe(true);
    expect(granted.overlaps('read', '/lights/**')).toBe(true);
    expect(granted.overlaps('read', '/desk/1')).toBe(true);
    expect(granted.overlaps('write', '/lights/**')).toBe(false);
    expect(granted.overlaps('read', '/sound/**')).toBe(false);
  });

  it('permits nothing when empty, and everything as ALL_SCOPES', () => {
    for (const action of actions) {
      expect(scopes([]).allows(action, '/a')).toBe(false);
      expect(scopes([]).overlaps(action, '/**')).toBe(false);
      expect(ALL_SCOPES.allows(action, '/a/b')).toBe(true);
      expect(ALL_SCOPES.overlaps(action, '/a/*')).toBe(true);
    }
  });

  it('refuses a bad pattern in overlaps, whatever is permitted', () => {
    for (const granted of [ALL_SCOPES, scopes(['read:/**']), scopes([])]) {
      expect(() => granted.overlaps('read', 'no')).toThrow(expect.objectContaining({ code: ErrorCode.BadPattern }));
    }
  });
});
