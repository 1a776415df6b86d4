import type { Client } from '../core/client/client.ts';
import { DMX_CHANNELS, type DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Value } from '../core/signal/value.ts';

/**
 * What the relay has when the first universe sends its first frame, to compare that with: for bridges that are not told
 * what changes there. A client over a network must have asked for the params at its greeting. Once for each universe, and
 * only of the channels that are zero in that frame: the others are written whatever the relay had, since it may have
 * changed meanwhile.
 */
export function relayLevels(
  client: { cached(address: string): Value | undefined } & Partial<Pick<Client, 'on'>>,
  mapping: DmxMapping,
): (universe: number, first: Uint8Array) => Uint8Array | undefined {
  const asked = new Set<number>();

  return (universe, first) => {
    if (asked.has(universe)) return undefined;
    asked.add(universe);
    if (asked.size === 1) askFor(client, mapping);
    const levels = new Uint8Array(DMX_CHANNELS);
    for (let i = 0; i < first.length; i++) {
      if (first[i] !== 0) continue;
      const owner = mapping.owner(universe, i + 1);
      const address = mapping.channel(universe, owner);
      levels[i] = levelOf(mapping, client.cached(address) ?? null, universe, owner, i + 1);
    }
    return levels;
  };
}

/** Within the process the relay answers at once, and `cached` knows it from then on. */
function askFor(client: Partial<Pick<Client, 'on'>>, mapping: DmxMapping): void {
  const several = mapping.frame(0) !== mapping.frame(1);
  const namespace = several ? mapping.frame(0).slice(0, -'/0'.length) : mapping.frame(0);
  client
    .on?.(`${namespace}/**`, { types: ['param'] })
    .subscribe({ error: () => undefined })
    .unsubscribe();
}

/** The level of a channel that a value at the address of `owner` means; zero for one that is no level at all. */
function levelOf(mapping: DmxMapping, value: Value, universe: number, owner: number, channel: number): number {
  let found = 0;
  try {
    mapping.levelsFor(value, universe, owner, mapping.channel(universe, owner), (each, level) => {
      if (each === channel) found = level;
    });
  } catch {
    return 0; // nobody would send it either
  }
  return found;
}
