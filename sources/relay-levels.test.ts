import { describe, expect, it } from 'vitest';
import { DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Value } from '../core/signal/value.ts';
import { relayLevels } from './relay-levels.ts';

describe('relayLevels', () => {
  it('takes both bytes of a value of 16 bits from the address of its coarse channel', () => {
    const values: Record<string, Value> = { '/dmx/1': 256n, '/dmx/3': 2n, '/dmx/5': 0x1234n, '/dmx/6': 9n };
    const mapping = new DmxMapping({
      namespace: '/dmx',
      pairs: [{ coarse: 1 }, { coarse: 3 }, { coarse: 5, fine: 7 }],
    });
    const known = relayLevels({ cached: (address) => values[address] ?? null }, mapping)(0, new Uint8Array(7));
    expect([...(known ?? []).slice(0, 7)]).toEqual([1, 0, 0, 2, 0x12, 9, 0x34]);
  });
});
