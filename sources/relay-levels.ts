import type { Client } from '../core/client/client.ts';
import { DMX_CHANNELS, type DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Value } from '../core/signal/value.ts';

/**
 * What the relay has when a universe sends its first frame, to compare that with: for bridges that are not told what
 * changes there. A client over a network must have asked for the params at its greeting. Once for each universe, and only of the channels that are zero in that frame: the others are written whatever
 * the relay had, since it may have changed meanwhile.
 */
export function relayLevels(
  client: Pick<Client, 'cached'> & Partial<Pick<Client, 'on'>>,
  mapping: DmxMapping,
): (universe: number, first: Uint8Array) => Uint8Array | undefined {
  const asked = new Set<number>();

  return (universe, first) => {
    if (asked.has(universe)) return undefined;
    asked.add(universe);
    // Within the process the relay answers at once; `cached` then knows it.
    client
      .on?.(`${mapping.frame(universe)}/*`, { types: ['param'] })
      .subscribe({ error: () => undefined })
      .unsubscribe();
    const levels = new Uint8Array(DMX_CHANNELS);
    for (let i = 0; i < first.length; i++) {
      if (first[i] !== 0) continue;
      const address = mapping.channel(universe, i + 1);
      levels[i] = levelOf(mapping, client.cached(address) ?? null, address);
    }
    return levels;
  };
}

/** The level a value means; zero for one that is no level at all. */
function levelOf(mapping: DmxMapping, value: Value, address: string): number {
  try {
    return mapping.level(value, address);
  } catch {
    return 0; // nobody would send it either
  }
}
