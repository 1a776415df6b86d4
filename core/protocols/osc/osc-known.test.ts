import { describe, expect, it } from 'vitest';
import { OscKnownAddresses } from './osc-known.ts';

describe('OscKnownAddresses', () => {
  it('gives what a pattern matches, as addresses come and go', () => {
    const known = new OscKnownAddresses();
    for (const address of ['/a/1', '/b/1', '/a/2', '/a/1']) known.add(address);
    expect(known.matching('/a/*', 0)).toEqual(['/a/1', '/a/2']);
    known.add('/a/3');
    known.delete('/a/1');
    expect(known.matching('/a/*', 0)).toEqual(['/a/2', '/a/3']);
    expect(known.matching('/a/[', 0)).toBe('no-pattern');
  });

  it('forgets the first of too many', () => {
    const known = new OscKnownAddresses();
    for (let i = 0; i <= 65_536; i++) known.add(`/${i}`);
    expect(known.matching('/{0,1,65536}', 0)).toEqual(['/1', '/65536']);
  });

  it('looks up no more patterns than there is time for, and the same one once', () => {
    const known = new OscKnownAddresses();
    for (let i = 0; i < 50_000; i++) known.add(`/${i}`);
    const asked = Array.from({ length: 12 }, (_, i) => known.matching(`/none${i}*`, 1_000));
    expect(asked.filter((found) => found === 'overloaded')).toHaveLength(2);
    expect(known.matching('/none0*', 1_000)).toEqual([]);
    expect(known.matching('/none20*', 1_099)).toBe('overloaded');
    expect(known.matching('/none20*', 1_100)).toEqual([]);
  });
});
